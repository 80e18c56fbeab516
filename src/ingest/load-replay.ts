import type { DatabasePool } from 'slonik';
import { CopySession } from '../db/copy';
import {
  beginReplay,
  commitReplay,
  type LetterOutcome,
  noteOutcomes,
  readReplayPage,
  type ReplayLetter,
} from '../db/dead-letter-replay-rows';
import { ensureBronze } from '../db/ensure-bronze';
import { endOtherWriters, loadSessionName } from '../db/loads';
import { refuseImbalance } from '../domain/conservation';
import type { Dataset } from '../domain/dataset';
import { bronzeTarget } from './chunk-writer';
import { checkLetter } from './letter-checker';

export interface LoadReplayDeps {
  readonly pool: DatabasePool;
  readonly databaseUrl: string;
  readonly dataset: Dataset;
  readonly maxFieldBytes: number;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
}

export interface ReplayProgress {
  readonly letters: number;
  readonly good: number;
}

export interface LoadReplayRequest {
  readonly replayId: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ReplayProgress) => void;
}

interface Page {
  readonly outcomes: LetterOutcome[];
  /** Good rows in COPY's text format, each with its line end. */
  readonly lines: string[];
}

const checkPage = (deps: LoadReplayDeps, letters: readonly ReplayLetter[], loadId: string): Page => {
  const page: Page = { outcomes: [], lines: [] };
  for (const letter of letters) {
    const { id, batchId } = letter;
    const verdict = checkLetter(deps, letter);
    if (verdict.ok) page.lines.push(`${verdict.copyLine}\t${loadId}\t${batchId}\n`);
    page.outcomes.push(
      verdict.ok
        ? { id, outcome: 'good' }
        : { id, outcome: 'bad', error: verdict.error, errorCode: verdict.errorCode },
    );
  }
  return page;
};

/** @throws DATASET_INVALID without the server's words: they would carry a value into histories and logs */
const copyLines = async (session: CopySession, dataset: Dataset, lines: readonly string[]): Promise<void> => {
  if (lines.length === 0) return;
  session.startCopy(bronzeTarget(dataset));
  for (const line of lines) await session.write(Buffer.from(line, 'utf8'));
  const rows = await session.finishCopy();
  refuseImbalance('A replay', [{ left: 'rows written', is: lines.length, right: 'taken by COPY', of: rows }]);
};

const writeLetters = async (
  deps: LoadReplayDeps,
  request: LoadReplayRequest,
  session: CopySession,
): Promise<void> => {
  const { replayId, signal } = request;
  const loadId = await beginReplay(session, replayId);
  if (loadId === undefined) return;
  let progress: ReplayProgress = { letters: 0, good: 0 };
  for (let after = '0'; ;) {
    signal.throwIfAborted();
    const letters = await readReplayPage(session, replayId, after);
    const last = letters.at(-1);
    if (!last) break;
    const { outcomes, lines } = checkPage(deps, letters, loadId);
    await copyLines(session, deps.dataset, lines);
    await noteOutcomes(session, replayId, outcomes);
    progress = { letters: progress.letters + letters.length, good: progress.good + lines.length };
    request.onProgress(progress);
    after = last.id;
  }
  await commitReplay(session, replayId, loadId);
};

/**
 * Checks the letters of a replay as the rows of a file are checked, and writes those that pass, each with its original
 * batch and row number, unseen until publication. A page at a time, in one transaction: it is done wholly or not at
 * all. Of two attempts at once only one writes. @throws DATASET_*; on abort the signal's reason
 */
export const loadReplay = async (deps: LoadReplayDeps, request: LoadReplayRequest): Promise<void> => {
  const { pool, databaseUrl, dataset, lookEveryMs } = deps;
  const { replayId, signal } = request;
  const name = `replay ${replayId}`;
  await ensureBronze(pool, [dataset]);
  await endOtherWriters(pool, name);
  const session = await CopySession.open(databaseUrl, { name: loadSessionName(name), lookEveryMs });
  const abort = (): void => void session.close();
  signal.addEventListener('abort', abort);
  try {
    await writeLetters(deps, request, session);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    await session.close();
  }
};

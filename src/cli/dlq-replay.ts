/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { resolve } from 'node:path';
import type { DatabasePool } from 'slonik';
import type { LetterRow } from '../db/dead-letter-queue';
import { StrataError } from '../domain/errors';
import { replayBatchId, replayWorkflowId, WORKFLOW } from '../wire/names';
import type { ReplayInput, ReplayResult } from '../wire/replay';
import type { CommandContext } from './context';
import { EXIT_FAILED } from './describe-error';
import { loadProjectDatasets } from './dlq-datasets';
import { actorOf, type DlqActOptions, filterOf } from './dlq-options';
import { otherProject, ownRun } from './ingest';
import { untilAborted } from './interrupt';
import type { Output } from './output';
import { compileProjectDir, storeProjectPlan } from './project-plan';
import { runAndReport } from './run-and-report';
import { type Session, withSession } from './session';

export interface DlqReplayOptions extends DlqActOptions {
  readonly ids: readonly string[];
  readonly with?: string;
  readonly transform?: boolean;
  readonly detach?: boolean;
}

type Replays = typeof import('../db/dead-letter-replays');

/** Letters that were named have to be ones that can be replayed; one that is replayed already is said so. */
const checkNamed = async (output: Output, pool: DatabasePool, ids: readonly string[]): Promise<void> => {
  const { getLetter } = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
  for (const id of ids) {
    const letter: LetterRow = await getLetter(pool, id);
    if (letter.isOfRejectedFile)
      throw new StrataError('DEAD_LETTER_FILE_REJECTED', `The file of dead letter ${id} was rejected whole`);
    if (letter.state === 'discarded')
      throw new StrataError('DEAD_LETTER_NOT_OPEN', `Dead letter ${id} is discarded`);
    if (letter.state === 'replayed') output.note(`dead letter ${id} is replayed already: nothing to do`);
  }
};

/** Keeps what a file mends, and enters the replay of it, in one transaction: both or neither. */
const requestFromFile = async (
  { output }: CommandContext,
  { pool, config }: Session,
  options: DlqReplayOptions,
): Promise<string[]> => {
  const { correctFromFile } = require('../ingest/mend-letters') as typeof import('../ingest/mend-letters');
  const { requestReplay } = require('../db/dead-letter-replays') as Replays;
  const datasets = await loadProjectDatasets(config.projectDir);
  const file = resolve(options.with ?? '');
  const act = { actor: actorOf(config), reason: options.reason };
  return pool.transaction(async (db) => {
    const { dataset, ids, unchanged, notOpen } = await correctFromFile(
      { db, datasetOf: (name) => datasets.get(name) },
      file,
      act,
    );
    if (unchanged > 0) output.note(`${unchanged} letters of the file are unchanged: left in the queue`);
    if (notOpen > 0) output.note(`${notOpen} letters of the file are replayed or discarded already`);
    if (dataset === undefined || ids.length === 0) return [];
    const replay = await requestReplay(db, { dataset, filter: { ids }, ...act });
    return [replay.replay_id];
  });
};

/** Enters a replay for each dataset that has letters of the filter. */
const requestByFilter = async (
  { output }: CommandContext,
  { pool, config }: Session,
  options: DlqReplayOptions,
): Promise<string[]> => {
  const { countLetters } = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
  const { requestReplay } = require('../db/dead-letter-replays') as Replays;
  await checkNamed(output, pool, options.ids);
  const filter = filterOf({ ...options, state: 'open' });
  const act = { actor: actorOf(config), reason: options.reason };
  const datasets = new Set((await countLetters(pool, filter)).map((count) => count.dataset));
  const ids: string[] = [];
  for (const dataset of datasets) {
    const replay = await pool.transaction((db) => requestReplay(db, { dataset, filter, ...act }));
    if (replay.letters > 0) ids.push(replay.replay_id);
    if (replay.letters_left_out > 0)
      output.note(
        `${replay.letters_left_out} letters of ${dataset} are of files that were rejected whole: left out`,
      );
  }
  return ids;
};

const startReplay = async (session: Session, input: ReplayInput & { replayId: string }) =>
  session.client.workflow.start<(i: ReplayInput) => Promise<ReplayResult>>(WORKFLOW.replayDeadLetters, {
    workflowId: replayWorkflowId(session.warehouse, input.replayId),
    taskQueue: session.warehouse,
    args: [input],
    staticSummary: `Replay ${input.replayId} of dead letters`,
  });

const resultLine = ({ dataset, replayed, failed, skipped }: ReplayResult): string =>
  `${dataset}: ${replayed} replayed` +
  (failed > 0 ? `, ${failed} failed again (see strata dlq list --dataset ${dataset})` : '') +
  (skipped > 0 ? `, ${skipped} changed meanwhile and left alone` : '');

/** Replays one after another: each is told to the coordinator by its workflow, should this command not live so long. */
const carryOut = async (
  { output, signal }: CommandContext,
  session: Session,
  replayIds: readonly string[],
  input: Omit<ReplayInput, 'replayId'>,
  isDetached: boolean,
): Promise<ReplayResult[]> => {
  const results: ReplayResult[] = [];
  for (const replayId of replayIds) {
    const handle = await untilAborted(signal, startReplay(session, { ...input, replayId }));
    if (isDetached) {
      output.line(`replay ${replayId} goes on as ${handle.workflowId}`);
      continue;
    }
    output.progress(`replaying as ${handle.workflowId}`);
    const result = await untilAborted(signal, handle.result());
    output.line(resultLine(result));
    results.push(result);
  }
  return results;
};

/** `strata dlq replay` */
export const dlqReplayCommand = async (
  context: CommandContext,
  options: DlqReplayOptions,
): Promise<number> => {
  const { output } = context;
  const isTransformed = options.transform !== false;
  return withSession(
    context,
    { role: 'dlq replay' },
    {
      prepare: ({ projectDir }) =>
        isTransformed ? compileProjectDir(projectDir) : Promise.resolve(undefined),
      work: async (session, manifest) => {
        const replayIds = await (options.with === undefined
          ? requestByFilter(context, session, options)
          : requestFromFile(context, session, options));
        if (replayIds.length === 0) output.line('nothing to replay');
        const planHash = manifest ? await storeProjectPlan(session.pool, manifest) : undefined;
        const projectDir = otherProject(session.config.projectDir);
        const isDetached = options.detach === true;
        const own = ownRun(options);
        // A run that a workflow asks for would not know the command's own settings.
        const transform = isTransformed && (isDetached || Object.keys(own).length === 0);
        const input = { transform, planHash, projectDir };
        const results = await carryOut(context, session, replayIds, input, isDetached);
        const batchIds = results.filter((r) => r.replayed > 0).map((r) => replayBatchId(r.replayId));
        const run =
          isTransformed && batchIds.length > 0
            ? await runAndReport(context, session, {
                transform: { command: 'run', ...(planHash === undefined ? {} : { planHash }), ...own },
                batchIds,
              })
            : undefined;
        output.document({ replays: isDetached ? replayIds : results, run: run ?? null });
        return run?.state === 'failed' ? EXIT_FAILED : 0;
      },
    },
  );
};

/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { resolve } from 'node:path';
import { startReplay } from '../temporal/start-workflows';
import { replayBatchId } from '../wire/names';
import type { ReplayInput, ReplayResult } from '../wire/replay';
import { otherProject } from '../config';
import type { CommandContext } from './context';
import { EXIT_FAILED } from './describe-error';
import { loadProjectDatasets } from './dlq-datasets';
import { actorOf, type DlqActOptions, filterOf } from './dlq-options';
import { ownRun } from './ingest';
import { untilAborted } from './interrupt';
import { readProject, storeProjectPlan } from './project-plan';
import { runAndReport } from './run-and-report';
import { type Session, withSession } from './session';

export interface DlqReplayOptions extends DlqActOptions {
  readonly ids: readonly string[];
  readonly with?: string;
  readonly transform?: boolean;
  readonly detach?: boolean;
}

type Replays = typeof import('../db/dead-letter-replays');

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
): Promise<readonly string[]> => {
  const { requestReplays } = require('../db/request-replays') as typeof import('../db/request-replays');
  const act = { actor: actorOf(config), reason: options.reason };
  const { replayIds, notes } = await requestReplays(pool, filterOf({ ...options, state: 'open' }), act);
  for (const note of notes) output.note(note);
  return replayIds;
};

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
    { role: 'dlq replay', as: 'loader' },
    {
      prepare: (config) => (isTransformed ? readProject(config) : Promise.resolve(undefined)),
      work: async (session, project) => {
        const replayIds = await (options.with === undefined
          ? requestByFilter(context, session, options)
          : requestFromFile(context, session, options));
        if (replayIds.length === 0) output.line('nothing to replay');
        const planHash = project && (await storeProjectPlan(session.pool, project, { note: false }));
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

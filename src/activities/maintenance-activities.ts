import { Context } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { analyzeStale } from '../db/analyze-stale';
import { emptyUnreadFeeds, forgetDeadConsumers } from '../db/dead-consumers';
import { rightAgain } from '../db/incidents';
import { loadPlan } from '../db/plans';
import { makeAllPartitionsAhead } from '../db/partitions';
import { trimFeeds } from '../db/relations';
import { sweepKeys } from '../db/sweep-keys';
import { sweepShadows } from '../db/sweep-shadows';
import { LOADER_HISTORIES, RUN_HISTORIES, trimHistories } from '../db/trim-histories';
import {
  type AbandonedBatch,
  abandonedBatches,
  endAbandonedRun,
  listUnfinished,
  type UnfinishedRow,
} from '../db/unfinished';
import { databaseUuid } from '../db/warehouse';
import { failedBatchConditions } from '../domain/batch-findings';
import * as ingest from '../ingest';
import type { Condition } from '../wire/alerts';
import type { EndAbandonedInput, SweepLeftoversResult, Unfinished } from '../wire/maintenance';
import { replayWorkflowId, WORKFLOW } from '../wire/names';
import { closedAs, isOpen } from './closed-as';
import type { Activities } from './contract';
import { judge } from './failures';
import type { Guard } from './guard';
import type { Projects } from './projects';

/** So many are looked at by one activity: a question to Temporal each. */
const PAGE = 100;
/** So far apart the clocks of PostgreSQL and of Temporal may be; a batch that is told twice counts once. */
const CLOCKS_DIFFER_MS = 60_000;

export interface MaintenanceActivityDeps {
  readonly pool: DatabasePool;
  readonly loaderPool: DatabasePool;
  readonly transformerPool: DatabasePool;
  readonly warehouse: string;
  readonly projects: Projects;
  readonly historyDays: number;
  readonly suspendAfter: number;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

type MaintenanceActivities = Pick<
  Activities,
  'endAbandoned' | 'sweepLeftovers' | 'trimHistories' | 'analyzeTables'
>;

/** Who carries it on, if anybody; a replay that a command has entered and not started has an id that is made up. */
const workflowOf = (warehouse: string, kind: Unfinished, { id, workflowId, workflowRunId }: UnfinishedRow) =>
  workflowId === null
    ? kind === 'replay'
      ? { workflowId: replayWorkflowId(warehouse, id) }
      : undefined
    : { workflowId, ...(workflowRunId === null ? {} : { runId: workflowRunId }) };

/** Ends one of them; says whether it was open still. */
const end = (
  { loaderPool, transformerPool }: MaintenanceActivityDeps,
  { kind, id, reason }: { readonly kind: Unfinished; readonly id: string; readonly reason: string },
): Promise<boolean> => {
  const failure = { errorCode: 'ABANDONED', error: reason };
  switch (kind) {
    case 'batch':
      return ingest.failBatch({ pool: loaderPool }, { batchId: id, ...failure });
    case 'replay':
      return ingest.failReplay({ pool: loaderPool }, { replayId: id, ...failure });
    case 'run':
      return endAbandonedRun(transformerPool, { runId: id, reason });
  }
};

/** A file that came and isn't loaded is told of; a run's work is the next one's. */
const conditionsOf = (kind: Unfinished, { id, dataset, file }: UnfinishedRow, error: string): Condition[] =>
  kind === 'batch' && dataset !== null && file !== null
    ? failedBatchConditions({ dataset, file, batchId: id, errorCode: 'ABANDONED', error })
    : [];

/** The worker's own project as it lies there now, or why it can't be had; what waiting helps against is thrown. */
const planOf = async (
  projects: Projects,
): Promise<{ planHash?: string; problem?: SweepLeftoversResult['problem'] }> => {
  try {
    return { planHash: await projects.storePlan() };
  } catch (error) {
    const { type: code, message, retry } = judge(error, { countedByWorkflow: false });
    if (retry === 'wait') throw error;
    return { problem: { code, message } };
  }
};

const forgetConsumers = async (pool: DatabasePool, planHash: string): Promise<number> => {
  const { nodes } = await loadPlan(pool, planHash);
  return forgetDeadConsumers(pool, Object.keys(nodes));
};

/** What the tries before this one have ended, and could not tell of: their answer never arrived. */
const endedBefore = (
  pool: DatabasePool,
  { kind, after }: EndAbandonedInput,
): Promise<readonly AbandonedBatch[]> => {
  const { attempt, scheduledTimestampMs } = Context.current().info;
  if (kind !== 'batch' || attempt === 1) return Promise.resolve([]);
  return abandonedBatches(pool, { sinceMs: scheduledTimestampMs - CLOCKS_DIFFER_MS, after, limit: PAGE });
};

const endAbandoned = async (deps: MaintenanceActivityDeps, input: EndAbandonedInput, signal: AbortSignal) => {
  const { kind, idleMinutes, after } = input;
  const pool = kind === 'run' ? deps.transformerPool : deps.loaderPool;
  const page = await listUnfinished(pool, kind, { idleMinutes, after, limit: PAGE });
  const before = await endedBefore(pool, input);
  let ended = before.length;
  const conditions = before.flatMap((row) => conditionsOf(kind, row, row.error));
  for (const row of page) {
    signal.throwIfAborted();
    const workflow = workflowOf(deps.warehouse, kind, row);
    const closed = workflow === undefined ? undefined : await closedAs(workflow);
    if (workflow === undefined || closed === undefined) continue;
    const reason = `Workflow ${workflow.workflowId} is ${closed}, and left this unfinished`;
    if (!(await end(deps, { kind, id: row.id, reason }))) continue;
    ended += 1;
    conditions.push(...conditionsOf(kind, row, reason));
  }
  const next = page.length === PAGE ? page.at(-1)?.id : undefined;
  return {
    ended,
    conditions,
    databaseUuid: await databaseUuid(pool),
    ...(next === undefined ? {} : { next }),
  };
};

export const createMaintenanceActivities = (deps: MaintenanceActivityDeps): MaintenanceActivities => {
  const { pool, loaderPool, transformerPool, warehouse, projects, searchAttributes, guard } = deps;
  const trim = { days: deps.historyDays, suspendAfter: deps.suspendAfter };
  return {
    endAbandoned: (input) => guard((signal) => endAbandoned(deps, input, signal)),

    sweepLeftovers: () =>
      guard(async () => {
        const shadows = await sweepShadows(transformerPool, isOpen);
        const { planHash, problem } = await planOf(projects);
        const consumers = planHash === undefined ? 0 : await forgetConsumers(transformerPool, planHash);
        const feeds = await emptyUnreadFeeds(transformerPool);
        await trimFeeds(transformerPool);
        const keys = await sweepKeys(transformerPool);
        const partitions = await makeAllPartitionsAhead(transformerPool);
        return { shadows, consumers, feeds, keys, partitions, ...(problem === undefined ? {} : { problem }) };
      }),

    trimHistories: () =>
      guard(async () => {
        const ofLoads = await trimHistories(loaderPool, LOADER_HISTORIES, trim);
        const ofRuns = await trimHistories(transformerPool, RUN_HISTORIES, trim);
        return { removed: { ...ofLoads.removed, ...ofRuns.removed }, more: ofLoads.more || ofRuns.more };
      }),

    analyzeTables: ({ schedule } = {}) =>
      guard(async (signal) => {
        const analyzed = await analyzeStale(pool, { signal });
        const conditions = await rightAgain(pool, { type: WORKFLOW.maintenance, schedule });
        return { analyzed, conditions, warehouse, searchAttributes };
      }),
  };
};

import type { CommonQueryMethods, DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import { runFindings, suspendedConditions, toTell } from '../domain/run-findings';
import type { Condition } from '../wire/alerts';
import type { FinishRunInput, FinishRunResult, NodeResult, RowCounts } from '../wire/transform';
import { openConditions } from './incidents';
import { isoTime } from './iso-time';
import { endAttempts } from './node-attempt';
import { loadPlan } from './plans';
import { trimFeeds } from './relations';
import { suspendedBy, suspendRepeatedFailures } from './suspensions';
import { type IsOpen, sweepShadows } from './sweep-shadows';

const RunRow = z.object({
  run_id: z.string(),
  plan_hash: z.string(),
  full_refresh: z.boolean(),
  vars: z.record(z.any()),
  started_at: z.string(),
});
export type Run = z.infer<typeof RunRow>;

/** A run that was planned. @throws RUN_FAILED when it isn't there: the database was restored to an earlier time */
export const getRun = async (connection: CommonQueryMethods, runId: string): Promise<Run> => {
  const run = await connection.maybeOne(sql.type(RunRow)`
    select run_id, plan_hash, full_refresh, vars,
      ${isoTime('started_at')} as started_at
    from ops.run where run_id = ${runId}
  `);
  if (!run) throw new StrataError('RUN_FAILED', `Run ${runId} is not in ops.run`);
  return run;
};

const NodeRow = z.object({
  node_id: z.string(),
  label: z.string(),
  kind: z.enum(['model', 'test']),
  materialized: z.string(),
  state: z.enum(['success', 'warn', 'failed', 'skipped']),
  rows_inserted: z.string().nullable(),
  rows_updated: z.string().nullable(),
  rows_deleted: z.string().nullable(),
  rows_in: z.string().nullable(),
  rows_unchanged: z.string().nullable(),
  rows_superseded: z.string().nullable(),
  rows_excluded: z.string().nullable(),
  periods: z.array(z.string()),
  period_count: z.number().nullable(),
  attempts: z.number(),
  duration_ms: z.string(),
  message: z.string().nullable(),
});

const rowsOf = (row: z.infer<typeof NodeRow>): RowCounts | undefined => {
  if (row.rows_inserted === null) return undefined;
  const counted = {
    in: row.rows_in,
    unchanged: row.rows_unchanged,
    superseded: row.rows_superseded,
    excluded: row.rows_excluded,
  };
  return {
    inserted: Number(row.rows_inserted),
    updated: Number(row.rows_updated),
    deleted: Number(row.rows_deleted),
    ...Object.fromEntries(
      Object.entries(counted).flatMap(([name, count]) => (count === null ? [] : [[name, Number(count)]])),
    ),
  };
};

const toResult = (name: string, row: z.infer<typeof NodeRow>): NodeResult => ({
  nodeId: row.node_id,
  name,
  label: row.label,
  kind: row.kind,
  materialized: row.materialized,
  state: row.state,
  ...(row.rows_inserted === null ? {} : { rows: rowsOf(row) }),
  ...(row.period_count === null ? {} : { periods: row.periods, periodCount: row.period_count }),
  durationMs: Number(row.duration_ms),
  attempts: row.attempts,
  ...(row.message === null ? {} : { message: row.message }),
});

/** What a node already came to in this run, if it was done. */
export const findNodeResult = async (
  connection: CommonQueryMethods,
  key: { runId: string; nodeId: string; name: string },
): Promise<NodeResult | undefined> => {
  const row = await connection.maybeOne(sql.type(NodeRow)`
    select node_id, label, kind, materialized, state, rows_inserted, rows_updated, rows_deleted, rows_in, rows_unchanged,
      rows_superseded, rows_excluded, periods, period_count, attempts, duration_ms, message
    from ops.model_run
    where run_id = ${key.runId} and node_id = ${key.nodeId} and state in ('success', 'warn')
  `);
  return row ? toResult(key.name, row) : undefined;
};

const SuspendedRow = z.object({ is_suspended: z.boolean() });

/**
 * Records a node's result. In the transaction of a model's effect this is also the fence: of two attempts at the same
 * node only one can commit. An earlier `failed` or `skipped` gives way, a success never does (unique violation).
 * Returns whether the node is suspended.
 */
export const recordNodeResult = async (
  connection: CommonQueryMethods,
  runId: string,
  result: NodeResult,
): Promise<boolean> => {
  await connection.query(sql.typeAlias('void')`
    delete from ops.model_run
    where run_id = ${runId} and node_id = ${result.nodeId} and state in ('failed', 'skipped')
  `);
  return connection.oneFirst(sql.type(SuspendedRow)`
    insert into ops.model_run (
      run_id, node_id, label, kind, materialized, state, rows_inserted, rows_updated, rows_deleted, rows_in,
      rows_unchanged, rows_superseded, rows_excluded, periods, period_count, attempts, duration_ms, message,
      error_code, sql_state
    )
    values (
      ${runId}, ${result.nodeId}, ${result.label}, ${result.kind}, ${result.materialized}, ${result.state},
      ${result.rows?.inserted ?? null}, ${result.rows?.updated ?? null}, ${result.rows?.deleted ?? null},
      ${result.rows?.in ?? null}, ${result.rows?.unchanged ?? null}, ${result.rows?.superseded ?? null},
      ${result.rows?.excluded ?? null},
      ${JSON.stringify(result.periods ?? [])}::jsonb, ${result.periodCount ?? null}, ${result.attempts},
      ${Math.round(result.durationMs)}, ${result.message ?? null}, ${result.errorCode ?? null},
      ${result.sqlState ?? null}
    )
    returning exists (
      select from ops.node_suspension as s where s.node_id = ${result.nodeId} and s.lifted_at is null
    ) as is_suspended
  `);
};

export interface FinishRunDeps {
  readonly pool: DatabasePool;
  readonly isOpen?: IsOpen;
  /** A model that failed alike in so many runs in a row is suspended; 0: never. */
  readonly suspendAfter?: number;
}

/** Keeps how the nodes ended that left no record of their own: those that failed or were skipped. */
const recordUndone = async (
  transaction: DatabaseTransactionConnection,
  { runId, results }: FinishRunInput,
): Promise<void> => {
  for (const result of results.filter((r) => r.state === 'failed' || r.state === 'skipped')) {
    const done = await findNodeResult(transaction, { runId, nodeId: result.nodeId, name: result.name });
    if (!done) await recordNodeResult(transaction, runId, result);
  }
};

/**
 * Closes a run, whose frozen workers can commit no more: its state, the nodes that failed or were skipped, and in the
 * same transaction the suspension of models that failed once too often; then what the feeds no longer need, and the
 * shadows of runs that have ended, its own included. Says what the alerter is to be told. Idempotent.
 */
export const finishRun = async (
  { pool, isOpen = () => Promise.resolve(true), suspendAfter = 0 }: FinishRunDeps,
  input: FinishRunInput,
): Promise<FinishRunResult> => {
  const { runId, state, results, message = null } = input;
  await endAttempts(pool, runId);
  const suspended = await pool.transaction(async (transaction) => {
    await transaction.query(sql.typeAlias('void')`
      update ops.run set state = ${state}, finished_at = clock_timestamp(), message = ${message}
      where run_id = ${runId} and state = 'running'
    `);
    await recordUndone(transaction, input);
    if (!results.some((result) => result.state === 'failed')) return [];
    if (suspendAfter > 0) {
      const { plan_hash: planHash } = await getRun(transaction, runId);
      const manifest = await loadPlan(pool, planHash);
      await suspendRepeatedFailures(transaction, { runId, after: suspendAfter, manifest });
    }
    return suspendedBy(transaction, runId);
  });
  await trimFeeds(pool);
  await sweepShadows(pool, isOpen);
  const conditions = await conditionsOf(pool, input);
  return { suspended, conditions: [...conditions, ...suspendedConditions(suspended, runId)] };
};

const conditionsOf = async (pool: DatabasePool, { runId, results }: FinishRunInput): Promise<Condition[]> => {
  const findings = runFindings({ runId, results });
  return toTell(findings, await openConditions(pool, findings.right), { runId });
};

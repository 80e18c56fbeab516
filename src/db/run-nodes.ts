import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';

const count = z.coerce.number().nullable();

const RunNodeRow = z.object({
  nodeId: z.string(),
  label: z.string().nullable(),
  kind: z.enum(['model', 'test']).nullable(),
  materialized: z.string().nullable(),
  /** `running`: it has been begun and not yet ended. */
  state: z.enum(['running', 'success', 'warn', 'failed', 'skipped']),
  rowsInserted: count,
  rowsUpdated: count,
  rowsDeleted: count,
  periods: z.array(z.string()),
  periodCount: z.number().nullable(),
  attempts: z.number(),
  durationMs: z.coerce.number().nullable(),
  message: z.string().nullable(),
  finishedAt: z.string().nullable(),
});
export type RunNodeRow = z.infer<typeof RunNodeRow>;

/** The nodes of a run that were begun or have ended. */
export const runNodes = (db: CommonQueryMethods, runId: string): Promise<readonly RunNodeRow[]> =>
  db.any(sql.type(RunNodeRow)`
    select
      coalesce(m.node_id, a.node_id) as "nodeId",
      m.label,
      m.kind,
      m.materialized,
      coalesce(m.state, 'running') as state,
      m.rows_inserted as "rowsInserted",
      m.rows_updated as "rowsUpdated",
      m.rows_deleted as "rowsDeleted",
      coalesce(m.periods, '[]') as periods,
      m.period_count as "periodCount",
      coalesce(m.attempts, a.attempt) as attempts,
      m.duration_ms as "durationMs",
      m.message,
      m.finished_at::text as "finishedAt"
    from (select * from ops.model_run where run_id = ${runId}) as m
    full join (select * from ops.node_attempt where run_id = ${runId}) as a on a.node_id = m.node_id
    order by m.finished_at nulls last, 1
  `);

const NodeHistoryRow = z.object({
  runId: z.string(),
  state: z.string(),
  rowsInserted: count,
  rowsUpdated: count,
  rowsDeleted: count,
  durationMs: z.coerce.number(),
  message: z.string().nullable(),
  finishedAt: z.string(),
});
export type NodeHistoryRow = z.infer<typeof NodeHistoryRow>;

/** The last runs of a node, the newest first. */
export const nodeHistory = (
  db: CommonQueryMethods,
  nodeId: string,
  limit: number,
): Promise<readonly NodeHistoryRow[]> =>
  db.any(sql.type(NodeHistoryRow)`
    select
      run_id as "runId",
      state,
      rows_inserted as "rowsInserted",
      rows_updated as "rowsUpdated",
      rows_deleted as "rowsDeleted",
      duration_ms as "durationMs",
      message,
      finished_at::text as "finishedAt"
    from ops.model_run
    where node_id = ${nodeId}
    order by finished_at desc
    limit ${limit}
  `);

const LastStateRow = z.object({
  nodeId: z.string(),
  state: z.string(),
  durationMs: z.coerce.number(),
  finishedAt: z.string(),
  message: z.string().nullable(),
});
export type LastStateRow = z.infer<typeof LastStateRow>;

/** What each of these nodes came to when it was last run. */
export const lastStates = (
  db: CommonQueryMethods,
  nodeIds: readonly string[],
): Promise<readonly LastStateRow[]> =>
  db.any(sql.type(LastStateRow)`
    select
      n.node_id as "nodeId",
      m.state,
      m.duration_ms as "durationMs",
      m.finished_at::text as "finishedAt",
      m.message
    from unnest(${sql.array([...nodeIds], 'text')}) as n (node_id)
    cross join lateral (
      select * from ops.model_run as r where r.node_id = n.node_id order by r.finished_at desc limit 1
    ) as m
  `);

import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';

// What `strata status` shows. bigints are text (pool.ts); times are text with an offset.

const RunRow = z.object({
  runId: z.string(),
  workflowId: z.string(),
  command: z.string(),
  planHash: z.string(),
  fullRefresh: z.boolean(),
  state: z.enum(['running', 'success', 'failed', 'cancelled']),
  selected: z.number().int(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  durationMs: z.number().nullable(),
  message: z.string().nullable(),
  done: z.number().int(),
  failed: z.number().int(),
});
export type RunRow = z.infer<typeof RunRow>;

/** Where a page of runs begins: after this one. */
export interface RunPosition {
  readonly startedAt: string;
  readonly runId: string;
}

/** The newest runs first, those that go on included; or those after one, or one alone. */
export const recentRuns = (
  db: CommonQueryMethods,
  count: number,
  { after, runId }: { readonly after?: RunPosition | undefined; readonly runId?: string | undefined } = {},
): Promise<readonly RunRow[]> =>
  db.any(sql.type(RunRow)`
    select
      r.run_id as "runId",
      r.workflow_id as "workflowId",
      r.command,
      r.plan_hash as "planHash",
      r.full_refresh as "fullRefresh",
      r.state,
      r.selected,
      r.started_at::text as "startedAt",
      r.finished_at::text as "finishedAt",
      (extract(epoch from r.finished_at - r.started_at) * 1000)::float8 as "durationMs",
      r.message,
      m.done,
      m.failed
    from ops.run as r
    cross join lateral (
      select
        count(*)::int as done,
        (count(*) filter (where n.state = 'failed'))::int as failed
      from ops.model_run as n
      where n.run_id = r.run_id
    ) as m
    where
      (${runId ?? null}::text is null or r.run_id = ${runId ?? null})
      and (
        ${after?.runId ?? null}::text is null
        or (r.started_at, r.run_id) < (${after?.startedAt ?? null}::timestamptz, ${after?.runId ?? null})
      )
    order by r.started_at desc, r.run_id desc
    limit ${count}
  `);

const BatchRow = z.object({
  batchId: z.string(),
  dataset: z.string(),
  file: z.string(),
  state: z.string(),
  rowsRead: z.string().nullable(),
  rowsLoaded: z.string().nullable(),
  rowsRejected: z.string().nullable(),
  duplicateOf: z.string().nullable(),
  errorCode: z.string().nullable(),
  error: z.string().nullable(),
  host: z.string().nullable(),
  workflowId: z.string().nullable(),
  acceptedAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type BatchRow = z.infer<typeof BatchRow>;

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

export interface BatchFilter {
  /** Older than this one. */
  readonly before?: string | undefined;
  readonly batchId?: string | undefined;
  readonly dataset?: string | undefined;
  readonly workflowId?: string | undefined;
}

/** The newest batches first, all or those of a filter. */
export const recentBatches = (
  db: CommonQueryMethods,
  count: number,
  { before = null, batchId = null, dataset = null, workflowId = null }: Nullable<BatchFilter> = {},
): Promise<readonly BatchRow[]> =>
  db.any(sql.type(BatchRow)`
    select
      batch_id as "batchId",
      dataset,
      file,
      state,
      rows_read as "rowsRead",
      rows_loaded as "rowsLoaded",
      rows_rejected as "rowsRejected",
      duplicate_of as "duplicateOf",
      error_code as "errorCode",
      error,
      host,
      workflow_id as "workflowId",
      accepted_at::text as "acceptedAt",
      finished_at::text as "finishedAt"
    from ops.batch
    where
      (${before}::bigint is null or batch_id < ${before}::bigint)
      and (${batchId}::bigint is null or batch_id = ${batchId}::bigint)
      and (${dataset}::text is null or dataset = ${dataset})
      and (${workflowId}::text is null or workflow_id = ${workflowId})
    order by batch_id desc
    limit ${count}
  `);

const FreshnessRow = z.object({
  dataset: z.string(),
  batches: z.string(),
  rows: z.string(),
  lastLoadedAt: z.string(),
  ageSeconds: z.number(),
});
export type FreshnessRow = z.infer<typeof FreshnessRow>;

/** Per dataset what is published, and how old the newest publication is. Read from the ledger, not from the rows. */
export const datasetFreshness = (db: CommonQueryMethods): Promise<readonly FreshnessRow[]> =>
  db.any(sql.type(FreshnessRow)`
    select
      dataset,
      count(distinct batch_id) as batches,
      coalesce(sum(row_count), 0)::bigint as rows,
      max(loaded_at)::text as "lastLoadedAt",
      extract(epoch from clock_timestamp() - max(loaded_at))::float8 as "ageSeconds"
    from ops.load
    where position is not null
    group by dataset
    order by dataset
  `);

const LagRow = z.object({
  dataset: z.string(),
  relation: z.string(),
  loads: z.string(),
  rows: z.string(),
  oldestLoadedAt: z.string(),
  lagSeconds: z.number(),
});
export type LagRow = z.infer<typeof LagRow>;

/** Published loads that a model which reads the dataset incrementally has not consumed yet. */
export const consumptionLag = (db: CommonQueryMethods): Promise<readonly LagRow[]> =>
  db.any(sql.type(LagRow)`
    select
      l.dataset,
      p.relation,
      count(*) as loads,
      sum(l.row_count)::bigint as rows,
      min(l.loaded_at)::text as "oldestLoadedAt",
      extract(epoch from clock_timestamp() - min(l.loaded_at))::float8 as "lagSeconds"
    from ops.model_progress as p
    inner join ops.load as l on 'dataset:' || l.dataset = p.upstream and l.position > p.position
    group by l.dataset, p.relation
    order by l.dataset, p.relation
  `);

const UnreadRow = z.object({ dataset: z.string(), loads: z.string() });
export type UnreadRow = z.infer<typeof UnreadRow>;

/** Datasets with published loads that no model has ever consumed. */
export const unreadDatasets = (db: CommonQueryMethods): Promise<readonly UnreadRow[]> =>
  db.any(sql.type(UnreadRow)`
    select l.dataset, count(*) as loads
    from ops.load as l
    where
      l.position is not null
      and not exists (select from ops.model_progress as p where p.upstream = 'dataset:' || l.dataset)
    group by l.dataset
    order by l.dataset
  `);

const DeadLetterCountRow = z.object({
  dataset: z.string(),
  state: z.string(),
  errorCode: z.string(),
  letters: z.string(),
  newest: z.string(),
});
export type DeadLetterCountRow = z.infer<typeof DeadLetterCountRow>;

export const deadLetterCounts = (db: CommonQueryMethods): Promise<readonly DeadLetterCountRow[]> =>
  db.any(sql.type(DeadLetterCountRow)`
    select
      dataset,
      state,
      error_code as "errorCode",
      count(*) as letters,
      max(created_at)::text as newest
    from ops.dead_letter_queue
    group by dataset, state, error_code
    order by dataset, state, error_code
  `);

const FileToMartRow = z.object({
  dataset: z.string(),
  files: z.number(),
  lastSeconds: z.number(),
  medianSeconds: z.number(),
  maxSeconds: z.number(),
});
export type FileToMartRow = z.infer<typeof FileToMartRow>;

/** Per dataset: from a file's arrival to the end of the run that brought it into the marts, over its last files. */
export const fileToMart = (db: CommonQueryMethods, files: number): Promise<readonly FileToMartRow[]> =>
  db.any(sql.type(FileToMartRow)`
    select
      d.dataset,
      count(*)::int as files,
      (array_agg(b.lag_seconds order by b.batch_id desc))[1] as "lastSeconds",
      percentile_cont(0.5) within group (order by b.lag_seconds) as "medianSeconds",
      max(b.lag_seconds) as "maxSeconds"
    from (select distinct dataset from ops.load where position is not null) as d
    cross join lateral (
      select l.batch_id, l.lag_seconds
      from ops.batch_lag as l
      where l.dataset = d.dataset and l.lag_seconds is not null
      order by l.batch_id desc
      limit ${files}
    ) as b
    group by d.dataset
    order by d.dataset
  `);

import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import type { Unfinished } from '../wire/maintenance';
import { endAttempts } from './node-attempt';
import { sql } from './sql';

const Row = z.object({
  id: z.string(),
  workflowId: z.string().nullable(),
  workflowRunId: z.string().nullable(),
  dataset: z.string().nullable(),
  file: z.string().nullable(),
});
/** Something begun, of which no end is recorded. */
export type UnfinishedRow = z.infer<typeof Row>;

export interface UnfinishedPage {
  /** Without a sign of life for so long. */
  readonly idleMinutes: number;
  /** The id that the page before ended with. */
  readonly after?: string | undefined;
  readonly limit: number;
}

const isIdle = (lastSign: ReturnType<typeof sql.fragment>, { idleMinutes }: UnfinishedPage) =>
  sql.fragment`${lastSign} <= clock_timestamp() - ${idleMinutes}::float8 * interval '1 minute'`;

/** A load that goes on commits chunks. */
const batches = (db: CommonQueryMethods, page: UnfinishedPage): Promise<readonly UnfinishedRow[]> =>
  db.any(sql.type(Row)`
    select b.batch_id::text as id, b.workflow_id as "workflowId", b.workflow_run_id as "workflowRunId", b.dataset, b.file
    from ops.batch as b
    cross join lateral (
      select max(c.committed_at) as at
      from ops.load as l
      inner join ops.load_chunk as c on c.load_id = l.load_id
      where l.batch_id = b.batch_id
    ) as written
    where b.state in ('accepted', 'loading', 'loaded') and b.batch_id > ${page.after ?? '0'}::bigint
      and ${isIdle(sql.fragment`greatest(b.accepted_at, written.at)`, page)}
    order by b.batch_id
    limit ${page.limit}
  `);

const replays = (db: CommonQueryMethods, page: UnfinishedPage): Promise<readonly UnfinishedRow[]> =>
  db.any(sql.type(Row)`
    select replay_id::text as id, workflow_id as "workflowId", workflow_run_id as "workflowRunId", dataset, null as file
    from ops.dead_letter_replay
    where state in ('requested', 'loaded') and replay_id > ${page.after ?? '0'}::bigint
      and ${isIdle(sql.fragment`requested_at`, page)}
    order by replay_id
    limit ${page.limit}
  `);

/** A run that goes on records nodes. */
const runs = (db: CommonQueryMethods, page: UnfinishedPage): Promise<readonly UnfinishedRow[]> =>
  db.any(sql.type(Row)`
    select r.run_id as id, r.workflow_id as "workflowId", r.run_id as "workflowRunId", null as dataset, null as file
    from ops.run as r
    where r.state = 'running' and r.run_id > ${page.after ?? ''}
      and ${isIdle(
        sql.fragment`greatest(r.started_at, (select max(m.finished_at) from ops.model_run as m where m.run_id = r.run_id))`,
        page,
      )}
    order by r.run_id
    limit ${page.limit}
  `);

const LISTS = { batch: batches, replay: replays, run: runs } as const;

/** A page of what has begun, not ended, and been quiet for a while; whether somebody carries it on, Temporal knows. */
export const listUnfinished = (
  db: CommonQueryMethods,
  kind: Unfinished,
  page: UnfinishedPage,
): Promise<readonly UnfinishedRow[]> => LISTS[kind](db, page);

const Abandoned = Row.extend({ error: z.string() });
/** A batch that was ended because nobody carried it on, and why. */
export type AbandonedBatch = z.infer<typeof Abandoned>;

/** Batches that were ended since then because nobody carried them on. */
export const abandonedBatches = (
  db: CommonQueryMethods,
  { sinceMs, after, limit }: Omit<UnfinishedPage, 'idleMinutes'> & { readonly sinceMs: number },
): Promise<readonly AbandonedBatch[]> =>
  db.any(sql.type(Abandoned)`
    select batch_id::text as id, workflow_id as "workflowId", workflow_run_id as "workflowRunId", dataset, file,
      coalesce(error, '') as error
    from ops.batch
    where state = 'failed' and error_code = 'ABANDONED' and batch_id > ${after ?? '0'}::bigint
      and finished_at >= to_timestamp(${sinceMs / 1_000}::float8)
    order by batch_id
    limit ${limit}
  `);

/** Ends a run that nobody carries on, and whose frozen workers can commit no more. Says whether it was open. */
export const endAbandonedRun = async (
  pool: DatabasePool,
  { runId, reason }: { readonly runId: string; readonly reason: string },
): Promise<boolean> => {
  await endAttempts(pool, runId);
  const { rowCount } = await pool.query(sql.typeAlias('void')`
    update ops.run set state = 'failed', finished_at = clock_timestamp(), message = ${reason}
    where run_id = ${runId} and state = 'running'
  `);
  return rowCount > 0;
};

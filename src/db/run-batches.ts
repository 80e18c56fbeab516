import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';

/** Of a run that covers more batches the oldest are named. */
const MOST_BATCHES = 50;

const BatchTimes = z.object({
  batchId: z.string(),
  dataset: z.string(),
  /** Milliseconds since 1970. */
  acceptedAt: z.number(),
});
export type BatchTimes = z.infer<typeof BatchTimes>;

const RunTimes = z.object({ command: z.string(), startedAt: z.number() });

/** When the file arrived; undefined where the ledger has no such batch. */
export const batchTimes = (db: CommonQueryMethods, batchId: string): Promise<BatchTimes | null> =>
  db.maybeOne(sql.type(BatchTimes)`
    select
      batch_id as "batchId",
      dataset,
      (extract(epoch from accepted_at) * 1000)::float8 as "acceptedAt"
    from ops.batch
    where batch_id = ${batchId}
  `);

export interface RunBatches {
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** In the order of their arrival; at most 50. */
  readonly batches: readonly BatchTimes[];
}

/** The batches that a run is the first to have among its inputs. */
export const runBatches = async (db: CommonQueryMethods, runId: string): Promise<RunBatches | undefined> => {
  const run = await db.maybeOne(sql.type(RunTimes)`
    select command, (extract(epoch from started_at) * 1000)::float8 as "startedAt"
    from ops.run
    where run_id = ${runId}
  `);
  if (run === null) return undefined;
  const batches = await db.any(sql.type(BatchTimes)`
    select
      b.batch_id as "batchId",
      b.dataset,
      (extract(epoch from b.accepted_at) * 1000)::float8 as "acceptedAt"
    from ops.run as this
    inner join ops.run_input as i on i.run_id = this.run_id
    cross join lateral (
      select coalesce(max(reached.position), 0) as position
      from (
        select before.position
        from ops.run_input as before
        inner join ops.run as r on r.run_id = before.run_id
        where before.dataset = i.dataset and r.started_at < this.started_at and r.command = 'run'
        order by before.position desc
        limit 1
      ) as reached
    ) as before
    inner join ops.load as l
      on l.dataset = i.dataset and l.position > before.position and l.position <= i.position and l.kind = 'file'
    inner join ops.batch as b on b.batch_id = l.batch_id
    where this.run_id = ${runId}
    order by b.accepted_at, b.batch_id
    limit ${MOST_BATCHES}
  `);
  return { ...run, batches };
};

import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { Act } from './dead-letter-actions';
import { sql } from './sql';

const Count = z.object({ count: z.coerce.number() });

export interface ReplayTrace extends Act {
  readonly replayId: string;
  readonly workflowId: string;
}

/**
 * Locks the letters of a replay to the end of the transaction, in the order in which everybody locks letters, and marks
 * those as skipped that are no longer as they were pinned. Answers with how many are.
 */
export const lockReplayLetters = async (db: CommonQueryMethods, replayId: string): Promise<number> => {
  await db.oneFirst(sql.type(Count)`
    with locked as (
      select d.id
      from ops.dead_letter_replay_item as i
      inner join ops.dead_letter as d on d.id = i.letter_id
      where i.replay_id = ${replayId}::bigint
      order by d.id
      for update of d
    )
    select count(*) as count from locked
  `);
  // Another statement: one that waited for a lock doesn't see what was committed meanwhile.
  const { rowCount } = await db.query(sql.typeAlias('void')`
    update ops.dead_letter_replay_item as i
    set outcome = 'skipped'
    where
      i.replay_id = ${replayId}::bigint
      and (
        i.outcome is null
        or not exists (
          select from ops.dead_letter as d
          where d.id = i.letter_id and d.state = 'open' and d.revision = i.revision
        )
      )
  `);
  return rowCount;
};

/** Removes the rows of skipped letters from the replay's load, which isn't published. */
export const removeSkippedRows = async (
  db: CommonQueryMethods,
  load: { readonly loadId: string; readonly dataset: string; readonly replayId: string },
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    delete from ${sql.identifier(['strata_bronze', load.dataset])} as r
    using ops.dead_letter_replay_item as i, ops.dead_letter as d
    where
      i.replay_id = ${load.replayId}::bigint and i.outcome = 'skipped' and d.id = i.letter_id
      and r._load_id = ${load.loadId}::bigint and r._batch_id = d.batch_id and r._row_number = d.row_number
  `);
};

/** Writes what became of the locked letters, each with its trace; answers with how many rows passed. */
export const settleLetters = async (db: CommonQueryMethods, trace: ReplayTrace): Promise<number> => {
  const { replayId, workflowId, actor, reason } = trace;
  await db.query(sql.typeAlias('void')`
    update ops.dead_letter as d
    set
      state = case i.outcome when 'good' then 'replayed' else d.state end,
      error = coalesce(i.error, d.error),
      error_code = coalesce(i.error_code, d.error_code),
      attempts = d.attempts + 1
    from ops.dead_letter_replay_item as i
    where i.replay_id = ${replayId}::bigint and i.letter_id = d.id and i.outcome in ('good', 'bad')
  `);
  await db.query(sql.typeAlias('void')`
    insert into ops.dead_letter_action (
      letter_id, action, actor, reason, replay_id, workflow_id, error, error_code
    )
    select
      i.letter_id, case i.outcome when 'good' then 'replayed' else 'failed' end,
      ${actor}, ${reason ?? null}, ${replayId}::bigint, ${workflowId}, i.error, i.error_code
    from ops.dead_letter_replay_item as i
    where i.replay_id = ${replayId}::bigint and i.outcome in ('good', 'bad')
    order by i.letter_id
  `);
  return db.oneFirst(sql.type(Count)`
    select count(*) as count from ops.dead_letter_replay_item
    where replay_id = ${replayId}::bigint and outcome = 'good'
  `);
};

/** Notes how many rows a load holds. */
export const setLoadRows = async (db: CommonQueryMethods, loadId: string, rows: number): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.load set row_count = ${rows}::bigint where load_id = ${loadId}::bigint
  `);
};

/** Removes a load that has no rows. */
export const dropLoad = async (db: CommonQueryMethods, loadId: string): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    delete from ops.load where load_id = ${loadId}::bigint and position is null
  `);
};

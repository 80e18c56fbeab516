import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import type { Act } from './dead-letter-actions';
import { letterCondition, type LetterFilter } from './dead-letter-queue';
import { sql } from './sql';

const ReplayRow = z.object({
  replay_id: z.string(),
  dataset: z.string(),
  state: z.enum(['requested', 'loaded', 'done', 'failed']),
  letters: z.coerce.number(),
  letters_left_out: z.coerce.number(),
  replayed: z.coerce.number().nullable(),
  failed: z.coerce.number().nullable(),
  skipped: z.coerce.number().nullable(),
  load_id: z.string().nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
});
export type ReplayRow = z.infer<typeof ReplayRow>;

const ReplayId = z.object({ replay_id: z.string() });

const replayColumns = sql.fragment`
  replay_id, dataset, state, letters, letters_left_out, replayed, failed, skipped, load_id,
  actor, reason
`;

const requireReplay = (row: ReplayRow | null, replayId: string): ReplayRow => {
  if (!row) throw new StrataError('DEAD_LETTER_UNKNOWN', `There is no replay ${replayId} in this database`);
  return row;
};

const knownForm = (id: string): string => (/^\d{1,18}$/.test(id) ? id : '0');

/** @throws DEAD_LETTER_UNKNOWN */
export const getReplay = async (db: CommonQueryMethods, replayId: string): Promise<ReplayRow> =>
  requireReplay(
    await db.maybeOne(sql.type(ReplayRow)`
      select ${replayColumns} from ops.dead_letter_replay where replay_id = ${knownForm(replayId)}::bigint
    `),
    replayId,
  );

/** Locks the replay until the end of the transaction. @throws DEAD_LETTER_UNKNOWN */
export const lockReplay = async (db: CommonQueryMethods, replayId: string): Promise<ReplayRow> =>
  requireReplay(
    await db.maybeOne(sql.type(ReplayRow)`
      select ${replayColumns} from ops.dead_letter_replay
      where replay_id = ${knownForm(replayId)}::bigint
      for update
    `),
    replayId,
  );

export interface ReplayRequest extends Act {
  readonly dataset: string;
  readonly filter: LetterFilter;
  /** The workflow run that asks for it, where no command has. */
  readonly workflow?: { readonly workflowId: string; readonly workflowRunId: string } | undefined;
}

/** Letters of files that were rejected whole can't be replayed one by one. */
const countLeftOut = (db: CommonQueryMethods, filter: LetterFilter): Promise<string> =>
  db.oneFirst(sql.type(z.object({ count: z.string() }))`
    select count(*) as count
    from ops.dead_letter as d
    inner join ops.batch as b on b.batch_id = d.batch_id
    where ${letterCondition(filter)} and b.state = 'rejected'
  `);

/**
 * Enters a replay, and pins which letters it takes, each as it is now. The caller has opened a transaction; a second
 * call for the same workflow run answers with the first one's replay.
 */
export const requestReplay = async (db: CommonQueryMethods, request: ReplayRequest): Promise<ReplayRow> => {
  const { dataset, actor, reason, workflow } = request;
  const filter: LetterFilter = { ...request.filter, dataset, state: 'open' };
  const inserted = await db.maybeOneFirst(sql.type(ReplayId)`
    insert into ops.dead_letter_replay (dataset, actor, reason, workflow_id, workflow_run_id, letters_left_out)
    values (
      ${dataset}, ${actor}, ${reason ?? null}, ${workflow?.workflowId ?? null},
      ${workflow?.workflowRunId ?? null}, ${await countLeftOut(db, filter)}::bigint
    )
    on conflict (workflow_id, workflow_run_id) do nothing
    returning replay_id
  `);
  if (inserted === null)
    return db.one(sql.type(ReplayRow)`
      select ${replayColumns} from ops.dead_letter_replay
      where workflow_id = ${workflow?.workflowId ?? ''} and workflow_run_id = ${workflow?.workflowRunId ?? ''}
    `);
  const { rowCount } = await db.query(sql.typeAlias('void')`
    insert into ops.dead_letter_replay_item (replay_id, letter_id, revision)
    select ${inserted}::bigint, d.id, d.revision
    from ops.dead_letter as d
    inner join ops.batch as b on b.batch_id = d.batch_id
    where ${letterCondition(filter)} and b.state = 'published'
  `);
  await db.query(sql.typeAlias('void')`
    update ops.dead_letter_replay set letters = ${rowCount}::bigint where replay_id = ${inserted}::bigint
  `);
  return getReplay(db, inserted);
};

/** Notes which workflow carries the replay out. */
export const setReplayWorkflow = async (
  db: CommonQueryMethods,
  replayId: string,
  workflowId: string,
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.dead_letter_replay set workflow_id = ${workflowId}
    where replay_id = ${replayId}::bigint and workflow_id is null
  `);
};

/** Ends a replay that can't be carried out; its letters stay open. The caller holds its lock. */
export const markReplayFailed = async (
  db: CommonQueryMethods,
  replayId: string,
  { errorCode, error }: { readonly errorCode: string; readonly error: string },
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.dead_letter_replay
    set state = 'failed', load_id = null, error = ${error}, error_code = ${errorCode}, finished_at = clock_timestamp()
    where replay_id = ${replayId}::bigint
  `);
  await forgetItems(db, replayId);
};

/** Ends a replay; what became of its letters is in `ops.dead_letter_action`. The caller holds its lock. */
export const markReplayDone = async (
  db: CommonQueryMethods,
  replayId: string,
  loadId: string | null,
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.dead_letter_replay
    set
      (replayed, failed, skipped) = (
        select
          count(*) filter (where i.outcome = 'good'),
          count(*) filter (where i.outcome = 'bad'),
          count(*) filter (where i.outcome = 'skipped')
        from ops.dead_letter_replay_item as i
        where i.replay_id = ${replayId}::bigint
      ),
      state = 'done', load_id = ${loadId}::bigint, finished_at = clock_timestamp()
    where replay_id = ${replayId}::bigint
  `);
  await forgetItems(db, replayId);
};

const forgetItems = async (db: CommonQueryMethods, replayId: string): Promise<void> => {
  await db.query(
    sql.typeAlias('void')`delete from ops.dead_letter_replay_item where replay_id = ${replayId}::bigint`,
  );
};

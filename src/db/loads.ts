import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { sql } from './sql';
import { withSettings } from './with-settings';
import { z } from 'zod';
import { endSessions } from './end-sessions';
import { isSqlState } from './sqlstate';

const LoadRow = z.object({ load_id: z.string(), file_identity: z.string().nullable() });

export interface Load {
  readonly loadId: string;
  /** Of the file that the load's chunks came from; null before the first attempt. */
  readonly fileIdentity: string | null;
}

const LACKS_PRIVILEGE = new Set(['42501']);

/** What pg_stat_activity shows of the session that writes a load. */
export const loadSessionName = (loadId: string): string => `strata load ${loadId}`;

/** The load of a batch's file. */
export const findFileLoad = async (db: CommonQueryMethods, batchId: string): Promise<Load | null> => {
  const row = await db.maybeOne(sql.type(LoadRow)`
    select load_id, file_identity from ops.load where batch_id = ${batchId}::bigint and kind = 'file'
  `);
  return row && { loadId: row.load_id, fileIdentity: row.file_identity };
};

/** Makes the load of a batch's file, once; the caller holds the batch's lock. */
export const ensureFileLoad = async (
  db: CommonQueryMethods,
  batch: { readonly batch_id: string; readonly dataset: string },
): Promise<Load> => {
  const existing = await findFileLoad(db, batch.batch_id);
  if (existing) return existing;
  const loadId = await db.oneFirst(sql.type(z.object({ load_id: z.string() }))`
    insert into ops.load (batch_id, dataset) values (${batch.batch_id}::bigint, ${batch.dataset})
    returning load_id
  `);
  return { loadId, fileIdentity: null };
};

/** Notes which file a load's chunks come from. */
export const setFileIdentity = async (
  db: CommonQueryMethods,
  loadId: string,
  identity: string,
): Promise<void> => {
  await db.query(
    sql.typeAlias('void')`update ops.load set file_identity = ${identity} where load_id = ${loadId}::bigint`,
  );
};

/** Waits for the chunk being written, and keeps the next one from starting until the transaction ends. */
export const lockLoad = async (db: CommonQueryMethods, loadId: string): Promise<void> => {
  await db.query(sql.typeAlias('void')`select from ops.load where load_id = ${loadId}::bigint for update`);
};

/**
 * Removes everything a load has written, so that it can start anew or is gone: rows, dead letters if asked, chunk
 * marks. The caller has locked the load, and the load isn't published.
 */
export const sweepLoad = async (
  db: CommonQueryMethods,
  load: { readonly loadId: string; readonly dataset: string },
  what: { readonly deadLetters: boolean },
): Promise<void> => {
  const { loadId, dataset } = load;
  const relation = sql.identifier(['strata_bronze', dataset]);
  const exists = await db.oneFirst(sql.type(z.object({ exists: z.boolean() }))`
    select exists (
      select from pg_catalog.pg_class as c
      inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = 'strata_bronze' and c.relname = ${dataset}
    ) as exists
  `);
  if (exists)
    await db.query(sql.typeAlias('void')`delete from ${relation} where _load_id = ${loadId}::bigint`);
  if (what.deadLetters)
    await db.query(sql.typeAlias('void')`delete from ops.dead_letter where load_id = ${loadId}::bigint`);
  await db.query(sql.typeAlias('void')`delete from ops.load_chunk where load_id = ${loadId}::bigint`);
  await db.query(sql.typeAlias('void')`
    update ops.load set row_count = 0, file_identity = null, latest_event_at = null where load_id = ${loadId}::bigint
  `);
};

/**
 * Gives the load the dataset's next position and moment, which makes its rows visible. The caller holds the dataset's
 * publication lock to the end of the transaction, so that positions follow the order of commits.
 */
export const publishLoad = async (db: CommonQueryMethods, loadId: string, dataset: string): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    with last as (
      select position, loaded_at from ops.load
      where dataset = ${dataset} and position is not null
      order by position desc
      limit 1
    )
    update ops.load
    set
      position = coalesce((select position from last), 0) + 1,
      loaded_at = greatest(
        clock_timestamp(),
        (select loaded_at from last) + interval '1 microsecond'
      )
    where load_id = ${loadId}::bigint and position is null
  `);
};

const CountsRow = z.object({
  row_count: z.coerce.number(),
  chunk_rows_loaded: z.coerce.number(),
  chunk_rows_rejected: z.coerce.number(),
  last_row: z.coerce.number(),
  dead_letters: z.coerce.number(),
});
export type LoadCounts = z.infer<typeof CountsRow>;

/** What each of the ops tables says about the rows of a load. */
export const countLoad = (db: CommonQueryMethods, loadId: string): Promise<LoadCounts> =>
  db.one(sql.type(CountsRow)`
    select
      l.row_count,
      c.rows_loaded as chunk_rows_loaded,
      c.rows_rejected as chunk_rows_rejected,
      c.last_row,
      (select count(*) from ops.dead_letter as d where d.load_id = l.load_id) as dead_letters
    from ops.load as l
    cross join lateral (
      select coalesce(sum(rows_loaded), 0) as rows_loaded, coalesce(sum(rows_rejected), 0) as rows_rejected,
        coalesce(max(end_row), 0) as last_row
      from ops.load_chunk where load_id = l.load_id
    ) as c
    where l.load_id = ${loadId}::bigint
  `);

/** A load of up to so many rows is counted by the pages that the index names. */
const COUNTED_BY_INDEX = 100_000;

/**
 * How many rows of a load there are in bronze, within the caller's transaction. Reads the pages of the load, and few others
 * (a BRIN index): of a load that is newer than its statistics the planner doesn't know that, and would read them all. Where
 * it is most of the table that is right.
 */
export const countBronzeRows = async (
  db: CommonQueryMethods,
  load: { readonly loadId: string; readonly dataset: string; readonly expected: number },
): Promise<number> => {
  const heap = sql.identifier(['strata_bronze', load.dataset]);
  const count = (): Promise<number> =>
    db.oneFirst(sql.type(z.object({ count: z.coerce.number() }))`
      select count(*) as count from ${heap} where _load_id = ${load.loadId}::bigint
    `);
  return load.expected <= COUNTED_BY_INDEX ? withSettings(db, { enable_seqscan: 'off' }, count) : count();
};

/** One publication of a dataset at a time, to the end of the transaction. */
export const lockPublication = async (db: CommonQueryMethods, dataset: string): Promise<void> => {
  await db.query(
    sql.typeAlias(
      'void',
    )`select pg_advisory_xact_lock(hashtextextended(${`strata publication ${dataset}`}, 0))`,
  );
};

/**
 * Ends other sessions that still write this load: an attempt that was frozen, or cut off from the orchestrator, would
 * hold its lock for ever. Without the privilege the new attempt just waits.
 */
export const endOtherWriters = async (pool: DatabasePool, loadId: string): Promise<void> => {
  try {
    await pool.connect((connection) =>
      endSessions(connection, sql.fragment`application_name = ${loadSessionName(loadId)}`),
    );
  } catch (error) {
    if (!isSqlState(error, LACKS_PRIVILEGE)) throw error;
  }
};

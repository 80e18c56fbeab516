import type { DatabasePool, DatabasePoolConnection } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { unfitColumns } from './archive-rows';
import { withNodeSession } from './node-session';
import { advance, enterArchive, findArchive, type PartitionArchive } from './partition-archives';
import { rawSql } from './raw-sql';
import { findRelation, relationKey, relationUpstream } from './relations';
import { sql } from './sql';
import { isSqlState, LOCK_NOT_AVAILABLE } from './sqlstate';

/** Queries that were there before are waited for so long; then it is left half done, which the next try finishes. */
const READERS_WAIT = '15s';

const Standing = z.object({ isPending: z.boolean() });
const Locked = z.object({ locked: z.boolean() });

export interface DetachRequest {
  readonly relation: RelationName;
  readonly partition: string;
  readonly from: string;
  readonly to: string;
  /** Relations whose models read this one, by their keys: none of them runs meanwhile. */
  readonly readers: readonly string[];
  readonly signal: AbortSignal;
}

/** How a partition hangs on its parent; undefined: not at all. */
export const attachment = async (
  connection: DatabasePoolConnection,
  { schema, name }: RelationName,
  partition: string,
): Promise<'attached' | 'pending' | undefined> => {
  const row = await connection.maybeOne(sql.type(Standing)`
    select i.inhdetachpending as "isPending"
    from pg_inherits as i
    inner join pg_class as p on p.oid = i.inhparent
    inner join pg_namespace as n on n.oid = p.relnamespace
    inner join pg_class as c on c.oid = i.inhrelid
    where n.nspname = ${schema} and p.relname = ${name} and c.relname = ${partition}
  `);
  if (!row) return undefined;
  return row.isPending ? 'pending' : 'attached';
};

/** Why a reader would miss rows if the partition went now: it has not consumed all changes yet. */
const isBehind = async (connection: DatabasePoolConnection, relation: RelationName): Promise<boolean> => {
  const tracked = await findRelation(connection, relation);
  return connection.exists(sql.typeAlias('void')`
    select from ops.model_progress
    where upstream = ${relationUpstream(relation)} and position <> ${tracked?.version ?? '0'}::bigint
  `);
};

const unlock = async (connection: DatabasePoolConnection, locks: readonly string[]): Promise<void> => {
  for (const lock of locks)
    await connection.query(sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${lock}, 0))`);
};

/** Runs `work` while none of these relations' models runs; says nothing where one does. */
const withoutReaders = async <T>(
  connection: DatabasePoolConnection,
  readers: readonly string[],
  work: () => Promise<T>,
): Promise<T | undefined> => {
  const held: string[] = [];
  try {
    for (const reader of readers) {
      const locked = await connection.oneFirst(
        sql.type(Locked)`select pg_try_advisory_lock(hashtextextended(${reader}, 0)) as locked`,
      );
      if (!locked) return undefined;
      held.push(reader);
    }
    return await work();
  } finally {
    await unlock(connection, held).catch(() => undefined);
  }
};

const detachNow = async (
  connection: DatabasePoolConnection,
  { relation, partition }: DetachRequest,
): Promise<boolean> => {
  const standing = await attachment(connection, relation, partition);
  if (standing === undefined) return true;
  const name = quoteIdentifier(partition);
  const table = `${quoteIdentifier(relation.schema)}.${name}`;
  await connection.query(sql.typeAlias('void')`select set_config('lock_timeout', ${READERS_WAIT}, false)`);
  try {
    await connection.query(
      rawSql(
        standing === 'pending'
          ? `alter table ${relationSql(relation)} detach partition ${table} finalize`
          : `alter table ${relationSql(relation)} detach partition ${table} concurrently`,
      ),
    );
    return true;
  } catch (error) {
    if (!isSqlState(error, LOCK_NOT_AVAILABLE)) throw error;
    return false;
  } finally {
    await connection
      .query(sql.typeAlias('void')`select set_config('lock_timeout', '0', false)`)
      .catch(() => undefined);
  }
};

/** What could never be written stays attached, and is not on its way any more. @throws ARCHIVE_UNFIT */
const refuseUnfit = async (
  connection: DatabasePoolConnection,
  { relation, partition }: DetachRequest,
): Promise<void> => {
  if ((await attachment(connection, relation, partition)) !== 'attached') return;
  const columns = await unfitColumns(connection, { schema: relation.schema, name: partition });
  if (columns.length === 0) return;
  const entered = await findArchive(connection, relationKey(relation), partition);
  if (entered?.state === 'detaching') await advance(connection, entered, 'restored');
  throw new StrataError(
    'ARCHIVE_UNFIT',
    `${relation.schema}.${partition}: NaN or an infinite time in ${columns.join(', ')}`,
  );
};

/**
 * Takes a partition out of its relation, concurrently: readers go on, and see it or not, as a whole. Only while neither
 * the relation's model nor one that reads it runs, and when all of these have consumed its changes: none ever sees a
 * month without its rows. That it goes is noted first, so that whoever finds it half gone knows. Returns the archive,
 * still `detaching` when somebody was in the way. Idempotent. @throws ARCHIVE_UNFIT
 */
export const detachPartition = (pool: DatabasePool, request: DetachRequest): Promise<PartitionArchive> => {
  const { relation, signal, readers } = request;
  const lock = relationKey(relation);
  const name = `strata detach ${lock}`.slice(0, 63);
  const begin = async (connection: DatabasePoolConnection): Promise<void> => {
    await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  };
  return withNodeSession(pool, { name, lock, signal, begin }, async (connection) => {
    await refuseUnfit(connection, request);
    const entered = await enterArchive(connection, { ...request, relation: lock });
    if (entered.state !== 'detaching') return entered;
    const isOut = await withoutReaders(connection, readers, async () => {
      if (await isBehind(connection, relation)) return false;
      return detachNow(connection, request);
    });
    if (isOut !== true || !(await advance(connection, entered, 'detached'))) return entered;
    return { ...entered, state: 'detached' };
  });
};

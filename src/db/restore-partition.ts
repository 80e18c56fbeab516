import type { DatabasePool, DatabasePoolConnection, DatabaseTransactionConnection } from 'slonik';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { boundsOf } from '../compiler/materializations/partitions';
import { attachment } from './detach-partition';
import { withNodeSession } from './node-session';
import { advance, findArchive, type PartitionArchive } from './partition-archives';
import { rawSql } from './raw-sql';
import { relationKey } from './relations';
import { sql } from './sql';
import { execute } from './stage-model';

export interface RestoreInto {
  readonly transaction: DatabaseTransactionConnection;
  /** Empty, and nobody's yet. */
  readonly table: RelationName;
  readonly archive: PartitionArchive;
  readonly signal: AbortSignal;
}

interface Restore {
  readonly relation: RelationName;
  readonly partition: string;
  readonly signal: AbortSignal;
}

const restoreLocked = async (
  connection: DatabasePoolConnection,
  { relation, partition, signal }: Restore,
  fill: (into: RestoreInto) => Promise<void>,
): Promise<boolean> => {
  const table = { schema: relation.schema, name: partition };
  const standing = await attachment(connection, relation, partition);
  if (standing === 'pending')
    await connection.query(
      rawSql(`alter table ${relationSql(relation)} detach partition ${relationSql(table)} finalize`),
    );
  return connection.transaction(async (transaction) => {
    const archive = await findArchive(transaction, relationKey(relation), partition);
    if (archive === undefined) return false;
    if (archive.state === 'archived') {
      await execute(transaction, [
        `create table ${relationSql(table)} (like ${relationSql(relation)} including all)`,
      ]);
      await fill({ transaction, table, archive, signal });
    }
    if (standing !== 'attached')
      await execute(transaction, [
        `alter table ${relationSql(relation)} attach partition ${relationSql(table)} ${boundsOf(archive)}`,
        `analyze ${relationSql(table)}`,
      ]);
    return advance(transaction, archive, 'restored');
  });
};

/**
 * Brings a partition back under the relation's lock; `fill` gives the rows where they are only in a file. Returns
 * whether it was away.
 */
export const restoring = (
  pool: DatabasePool,
  restore: Restore,
  fill: (into: RestoreInto) => Promise<void>,
): Promise<boolean> => {
  const lock = relationKey(restore.relation);
  const name = `strata restore ${lock}`.slice(0, 63);
  const begin = async (connection: DatabasePoolConnection): Promise<void> => {
    await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  };
  return withNodeSession(pool, { name, lock, signal: restore.signal, begin }, (connection) =>
    restoreLocked(connection, restore, fill),
  );
};

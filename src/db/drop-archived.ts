import type { DatabasePool } from 'slonik';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { restoredProblem } from './archive-rows';
import { advance, findArchive, type PartitionArchive } from './partition-archives';
import { relationKey } from './relations';
import { sql } from './sql';
import { execute } from './stage-model';

/**
 * Drops a detached partition whose file was read back, in the transaction that notes it. Looked at once more: if
 * somebody changed it meanwhile, it is written anew instead. Who has restored it came first, and nothing is dropped.
 */
export const dropArchived = (
  pool: DatabasePool,
  relation: RelationName,
  { partition }: PartitionArchive,
): Promise<void> =>
  pool.transaction(async (transaction) => {
    const lock = relationKey(relation);
    await transaction.query(
      sql.typeAlias('void')`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`,
    );
    const archive = await findArchive(transaction, lock, partition);
    if (archive?.state !== 'verified' || archive.manifest === undefined) return;
    const table = { schema: relation.schema, name: partition };
    await execute(transaction, [`lock table ${relationSql(table)}`]);
    const problem = await restoredProblem(transaction, table, archive.manifest);
    if (problem !== undefined) {
      await advance(transaction, archive, 'detached');
      return;
    }
    await execute(transaction, [`drop table ${relationSql(table)}`]);
    await advance(transaction, archive, 'archived');
  });

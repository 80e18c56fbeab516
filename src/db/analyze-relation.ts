import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { listPartitions } from './list-partitions';
import { rawSql } from './raw-sql';
import { sql } from './sql';
import { withSettings } from './with-settings';

/**
 * The detail of a partition's own statistics at most (`default_statistics_target`; PostgreSQL's is 100). Of each partition as
 * many rows are sampled as of a whole table, 300 times the target: of dozens, all there are. What spans partitions is planned
 * with the parent's, which keep their detail.
 */
const PARTITION_STATISTICS_TARGET = 25;

const Partly = z.object({ can_alone: z.boolean(), target: z.string() });

/** Whether there is `analyze only`, which looks at a parent without its partitions (PostgreSQL 18), and their target. */
const readAbility = (connection: CommonQueryMethods): Promise<z.infer<typeof Partly>> =>
  connection.one(sql.type(Partly)`
    select current_setting('server_version_num')::integer >= 180000 as can_alone,
      least(current_setting('default_statistics_target')::integer, ${PARTITION_STATISTICS_TARGET}::integer)::text as target
  `);

/**
 * Takes the statistics of a relation that has just been written, and of its partitions; within the caller's
 * transaction.
 */
export const analyzeRelation = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<void> => {
  const table = relationSql(relation);
  const partitions = await listPartitions(connection, relation);
  const partly = partitions.length === 0 ? undefined : await readAbility(connection);
  if (!partly?.can_alone) {
    await connection.query(rawSql(`analyze ${table}`));
    return;
  }
  await connection.query(rawSql(`analyze only ${table}`));
  await withSettings(connection, { default_statistics_target: partly.target }, async () => {
    for (const partition of partitions) await connection.query(rawSql(`analyze ${relationSql(partition)}`));
  });
};

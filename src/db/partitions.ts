import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import {
  createPartition,
  missingPartitions,
  monthsAhead,
  monthsOf,
} from '../compiler/materializations/partitions';
import { tryLock } from './dead-consumers';
import { listPartitions } from './list-partitions';
import { partitionedRelations } from './partition-list';
import { rawSql } from './raw-sql';
import { relationKey } from './relations';
import { sql } from './sql';
import { execute } from './stage-model';

const Month = z.object({ period: z.string() });

/** The months that a query of {@link monthsOf} gives. */
const selectMonths = async (connection: CommonQueryMethods, query: string): Promise<string[]> =>
  (await connection.any(rawSql(query))).map((row) => Month.parse(row).period);

const currentMonth = (): string => `${new Date().toISOString().slice(0, 7)}-01`;

/** Makes the partitions that these months need, and those to come where rows are of these days. Returns how many. */
const makePartitions = async (
  connection: CommonQueryMethods,
  parent: RelationName,
  months: readonly string[],
): Promise<number> => {
  const existing = (await listPartitions(connection, parent)).map((p) => p.name);
  const now = currentMonth();
  const year = Number(now.slice(0, 4));
  const needed = missingPartitions(parent.name, existing, months, year);
  const names = [...existing, ...needed.map(({ suffix }) => `${parent.name}_${suffix}`)];
  const ahead = missingPartitions(parent.name, names, monthsAhead(parent.name, names, now), year);
  for (const range of [...needed, ...ahead]) await execute(connection, createPartition(parent, range));
  return needed.length + ahead.length;
};

/** Makes the partitions that rows of `from` need in `parent`. */
export const ensurePartitions = async (
  connection: CommonQueryMethods,
  parent: RelationName,
  rows: { readonly from: string; readonly field: string },
): Promise<void> => {
  await makePartitions(connection, parent, await selectMonths(connection, monthsOf(rows.from, rows.field)));
};

/** Notes of a partitioned relation which months `rows` change; `columns` say where a row is, and where it was. */
export const recordChangedMonths = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  rows: { readonly from: string; readonly columns: readonly string[] },
): Promise<void> => {
  const months = await selectMonths(
    connection,
    rows.columns.map((column) => `(${monthsOf(rows.from, column)})`).join('\nunion\n'),
  );
  await connection.query(sql.typeAlias('void')`
    insert into ops.partition_change as p (relation, month)
    select ${relationKey(relation)}, m.month
    from unnest(${sql.array(months, 'date')}) as m (month)
    on conflict (relation, month) do update set changed_at = clock_timestamp()
  `);
};

/** For each partitioned relation that nobody works at: the partitions of months to come. Returns how many were made. */
export const makeAllPartitionsAhead = async (pool: DatabasePool): Promise<number> => {
  let made = 0;
  for (const { relation, schema, name } of await partitionedRelations(pool))
    made += await pool.transaction(async (transaction) => {
      if (!(await tryLock(transaction, relation))) return 0;
      return makePartitions(transaction, { schema, name }, []);
    });
  return made;
};

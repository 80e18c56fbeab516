import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import {
  analyzeDifference,
  dropDifference,
  findDifference,
  type Refreshed,
  writeDifference,
} from '../compiler/materializations/difference';
import { analyzeRelation } from './analyze-relation';
import { countAll } from './count-all';
import { sql } from './sql';
import { countRows, execute } from './stage-model';

/** What can be refreshed in its place. */
export type Takeover = Pick<Refreshed, 'columns' | 'key' | 'isUniqueOtherwise'>;

const Shape = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string(), not_null: z.boolean() })),
  key: z.array(z.string()),
  partition_key: z.string().nullable(),
  /** Indexes and constraints without their names. */
  rules: z.array(z.string()),
  is_unique_otherwise: z.boolean(),
});
type Shape = z.infer<typeof Shape>;

/** Types that PostgreSQL can't compare. */
const INCOMPARABLE = /^(json|xml|point|line|lseg|box|path|polygon|circle)(\[\])*$/;

/** How a table is made; undefined where there is none. */
const shapeOf = async (
  connection: CommonQueryMethods,
  { schema, name }: RelationName,
): Promise<Shape | undefined> =>
  (await connection.maybeOne(sql.type(Shape)`
    select
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull
        ) order by a.attnum), '[]')
        from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ) as columns,
      (
        select coalesce(array_agg(a.attname::text order by k.place), '{}')
        from pg_index as i
        cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary
      ) as key,
      case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
      array(
        select concat(i.indisunique, ' ', regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', ''))
        from pg_index as i where i.indrelid = c.oid
        union
        select pg_get_constraintdef(o.oid) from pg_constraint as o where o.conrelid = c.oid and o.contype <> 'n'
      ) as rules,
      exists (
        select from pg_index as i
        where (i.indrelid = c.oid or i.indrelid in (select p.relid from pg_partition_tree(c.oid) as p))
          and not i.indisprimary and (i.indisunique or i.indisexclusion)
      ) as is_unique_otherwise
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and c.relkind in ('r', 'p')
  `)) ?? undefined;

const canTakeOver = (standing: Shape, built: Shape): boolean =>
  built.key.length > 0 &&
  JSON.stringify(standing.columns) === JSON.stringify(built.columns) &&
  standing.partition_key === built.partition_key &&
  built.rules.every((rule) => standing.rules.includes(rule)) &&
  !built.columns.some((column) => INCOMPARABLE.test(column.type));

/**
 * How the relation that stands is made, if it is made like the empty table that `makeEmpty` makes at `empty` (columns,
 * key, partitioning, indexes): its rows can then be changed to what they are to be.
 */
export const findTakeover = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  empty: RelationName,
  makeEmpty: () => Promise<void>,
): Promise<Takeover | undefined> => {
  const standing = await shapeOf(connection, relation);
  if (standing === undefined) return undefined;
  await makeEmpty();
  const shape = await shapeOf(connection, empty);
  await execute(connection, [`drop table ${relationSql(empty)}`]);
  return shape !== undefined && canTakeOver(standing, shape)
    ? {
        columns: shape.columns.map((c) => c.name),
        key: shape.key,
        isUniqueOtherwise: standing.is_unique_otherwise,
      }
    : undefined;
};

/** Of more rows that are others now, in per cent, the table's statistics are made anew. */
const ANALYZED_FROM_PERCENT = 10;

/** What a refresh in place came to. */
export interface InPlace {
  /** How many rows the table has now: fewer than it was to have, where a key was to be in it twice. */
  readonly rows: number;
  /** How many of the rows that differ were not written. */
  readonly missed: number;
}

/**
 * Makes a standing table's rows equal to those of `from`, by the ones in which they differ; within the caller's
 * transaction. No reader has to wait or is waited for; one whose snapshot is older goes on seeing the old rows, which a
 * swapped-in table couldn't show; rows that are the same, views, grants, and indexes that others made, stay.
 * `beforeWrite` is called once the difference is known ({@link COMING}).
 */
export const refreshInPlace = async (
  connection: CommonQueryMethods,
  refreshed: Refreshed,
  beforeWrite: () => Promise<void> = () => Promise.resolve(),
): Promise<InPlace> => {
  const different = await countRows(connection, findDifference(refreshed));
  let written = 0;
  if (different > 0) {
    await execute(connection, [analyzeDifference]);
    await beforeWrite();
    for (const statement of writeDifference(refreshed)) written += await countRows(connection, statement);
  }
  await execute(connection, [dropDifference]);
  const rows = await countAll(connection, refreshed.table);
  if (different * 100 > rows * ANALYZED_FROM_PERCENT) await analyzeRelation(connection, refreshed.table);
  // What is taken out and put in anew is written twice, and shows in how many rows there are.
  return { rows, missed: refreshed.isUniqueOtherwise ? 0 : different - written };
};

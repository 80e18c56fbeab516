import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { listPartitions } from './list-partitions';
import { rawSql } from './raw-sql';
import { sql } from './sql';

const Shape = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string(), not_null: z.boolean() })),
  key: z.array(z.string()),
  partition_key: z.string().nullable(),
  /** Indexes and constraints without their names. */
  rules: z.array(z.string()),
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
      ) as rules
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and c.relkind in ('r', 'p')
  `)) ?? undefined;

const canTakeOver = (standing: Shape | undefined, built: Shape): boolean =>
  standing !== undefined &&
  built.key.length > 0 &&
  JSON.stringify(standing.columns) === JSON.stringify(built.columns) &&
  standing.partition_key === built.partition_key &&
  built.rules.every((rule) => standing.rules.includes(rule)) &&
  !built.columns.some((column) => INCOMPARABLE.test(column.type));

/** Partitions that the standing table lacks go over as they are; attaching holds up no reader. */
const movePartitions = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  built: RelationName,
): Promise<void> => {
  const has = new Set((await listPartitions(connection, relation)).map((p) => p.name));
  for (const { name, bounds } of await listPartitions(connection, built)) {
    if (has.has(name)) continue;
    const partition = relationSql({ schema: built.schema, name });
    const moved = relationSql({ schema: relation.schema, name });
    for (const statement of [
      `alter table ${relationSql(built)} detach partition ${partition}`,
      `alter table ${partition} set schema ${quoteIdentifier(relation.schema)}`,
      `alter table ${relationSql(relation)} attach partition ${moved} ${bounds}`,
    ])
      await connection.query(rawSql(statement));
  }
};

interface Difference {
  readonly relation: RelationName;
  readonly built: RelationName;
  readonly shape: Shape;
}

const columnList = ({ columns }: Shape, prefix = ''): string =>
  columns.map((c) => `${prefix}${quoteIdentifier(c.name)}`).join(', ');

const sameKey = ({ key }: Shape): string =>
  key.map((k) => `b.${quoteIdentifier(k)} = t.${quoteIdentifier(k)}`).join(' and ');

/** What is no more, or otherwise now. */
const deleteOld = async (connection: CommonQueryMethods, { relation, built, shape }: Difference) => {
  await connection.query(
    rawSql(`delete from ${relationSql(relation)} as t where not exists (
  select from ${relationSql(built)} as b
  where ${sameKey(shape)} and (${columnList(shape, 'b.')}) is not distinct from (${columnList(shape, 't.')})
)`),
  );
};

const insertNew = async (connection: CommonQueryMethods, { relation, built, shape }: Difference) => {
  await connection.query(
    rawSql(`insert into ${relationSql(relation)} (${columnList(shape)})
select ${columnList(shape, 'b.')} from ${relationSql(built)} as b
where not exists (select from ${relationSql(relation)} as t where ${sameKey(shape)})`),
  );
};

/**
 * Makes a standing table equal to the one that was built beside it, by the rows in which they differ, and drops that
 * one; within the caller's transaction. No reader has to wait or is waited for; one whose snapshot is older goes on
 * seeing the old rows, which a swapped-in table couldn't show; rows that are the same, views, grants, and indexes that
 * others made, stay. Where the two are made otherwise (columns, key, partitioning, indexes) does nothing, and says so.
 */
export const refreshInPlace = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  built: RelationName,
): Promise<boolean> => {
  const shape = await shapeOf(connection, built);
  if (!shape || !canTakeOver(await shapeOf(connection, relation), shape)) return false;
  const difference = { relation, built, shape };
  // Everything that goes before anything that comes: of a dimension, windows must not overlap in between.
  await deleteOld(connection, difference);
  if (shape.partition_key !== null) await movePartitions(connection, relation, built);
  await insertNew(connection, difference);
  await connection.query(rawSql(`drop table ${relationSql(built)}`));
  return true;
};

import { fitIdentifier, quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import { type SOURCE, STAGED } from './delta';
import {
  type IndexConfig,
  partitionFieldOf,
  type Scd2Config,
  type TableConfig,
  type TrackedConfig,
} from './model-config';
import { IS_CURRENT, VALID_FROM, VALID_TO } from './scd2';

/**
 * Where a relation is built before it takes its place: out of every reader's sight, in the same transaction. The
 * schema is the relation's own, so that no two builds meet, and names of partitions and indexes stay as they will be.
 */
export const buildName = ({ schema, name }: RelationName): RelationName => ({
  schema: fitIdentifier(`strata_build.${schema}.${name}`),
  name,
});

/** A model's SQL as a sub-select; it may end in a semicolon or a comment. */
export const asSubselect = (sql: string): string => `(\n${sql.trim().replace(/;+\s*$/, '')}\n) as _model`;

/** The rows of a tracked model, each of them; with `delete_where`, whether they are `_gone`. */
export const stagedRows = (sql: string, deleteWhere: string | undefined): string =>
  `select *${deleteWhere === undefined ? '' : `, coalesce((${deleteWhere}), false) as _gone`} from ${asSubselect(sql)}`;

export const createStaged = (query: string): string =>
  `create temporary table _strata_staged on commit drop as\n${query}`;

/**
 * Keeps of the staged rows of a key the one with the greatest load order. The first statement finds the others, and says
 * how many there are; only what tells them apart is sorted. The second one counts those with the same load order as the
 * one that is kept (`ties`), where chance would have to decide; the others take them out.
 */
export const keepNewest = (
  key: readonly string[],
  loadOrder: readonly string[],
): [find: string, countTies: string, ...takeOut: string[]] => [
  `create temporary table _strata_superseded on commit drop as
select row_id, is_tie from (
  select ctid as row_id, row_number() over newest_first > 1 as is_superseded, rank() over newest_first = 1 as is_tie
  from ${STAGED}
  window newest_first as (partition by ${key.map(q).join(', ')} order by ${loadOrder.map((c) => `${q(c)} desc`).join(', ')})
) as ranked where is_superseded`,
  'select count(*) as ties from pg_temp._strata_superseded where is_tie',
  `delete from ${STAGED} as s using pg_temp._strata_superseded as o where s.ctid = o.row_id`,
  'drop table pg_temp._strata_superseded',
];

export const createSource = (sql: string): string =>
  `create temporary table _strata_source on commit drop as\nselect * from ${asSubselect(sql)}`;

/** Makes a key that occurs twice an error (23505), and the join with the target fast. */
export const indexKey = (table: typeof STAGED | typeof SOURCE, key: readonly string[]): string =>
  `create unique index on ${table} (${key.map(q).join(', ')})`;

/** How many keys of a table occur more than once, and in how many rows: columns `keys`, `rows`. */
export const countDuplicateKeys = (table: typeof STAGED | typeof SOURCE, key: readonly string[]): string =>
  `select count(*) as keys, coalesce(sum(rows), 0) as rows from (
  select count(*) as rows from ${table} group by ${key.map(q).join(', ')} having count(*) > 1
) as twice`;

/** How many rows have a NULL in one of these columns (`rows`), and in each of them (`c0`, `c1` ...). */
export const countNulls = (columns: readonly string[], from: typeof STAGED | typeof SOURCE): string => {
  const isNull = columns.map((c) => `${q(c)} is null`);
  const each = isNull.map((condition, i) => `count(*) filter (where ${condition}) as c${i}`);
  return `select count(*) as rows, ${each.join(', ')} from ${from} where ${isNull.join(' or ')}`;
};

/** The identity of a row of a tracked relation. */
export const identityOf = (config: TrackedConfig): readonly string[] =>
  config.materialized === 'scd2' ? [...config.unique_key, VALID_FROM] : config.unique_key;

const createIndex = (table: RelationName, { columns, unique }: IndexConfig): string =>
  `create ${unique ? 'unique ' : ''}index on ${relationSql(table)} (${columns.map(q).join(', ')})`;

/** How a table is to be stored, as `create table` says it. */
export const storageOf = ({ fillfactor }: Pick<TableConfig, 'fillfactor'>): string =>
  fillfactor === undefined ? '' : ` with (fillfactor = ${fillfactor})`;

/** How full pages are made from now on; readers and writers go on. */
export const setFillfactor = (table: RelationName, fillfactor: number): string =>
  `alter table ${relationSql(table)} set (fillfactor = ${fillfactor})`;

const RANGE_TYPE: Record<string, string> = {
  'timestamp with time zone': 'tstzrange',
  'timestamp without time zone': 'tsrange',
  date: 'daterange',
};

/** What makes the database itself refuse an overlap, an empty window and a second current row. */
const scd2Constraints = (table: RelationName, config: Scd2Config, validFromType: string): string[] => {
  const range = `${RANGE_TYPE[validFromType] ?? 'tstzrange'}(${VALID_FROM}, ${VALID_TO})`;
  const key = config.unique_key.map(q);
  // The key as an expression: the planner would look for versions by this index otherwise, some times slower than by a
  // B-tree, and counts both as equal.
  const constrained = key.map((k) => `coalesce(${k}, ${k}) with =`).join(', ');
  return [
    `alter table ${relationSql(table)} add check (${VALID_FROM} < ${VALID_TO})`,
    `alter table ${relationSql(table)} add exclude using gist (${constrained}, ${range} with &&)`,
    `create unique index on ${relationSql(table)} (${key.join(', ')}) where ${IS_CURRENT}`,
    createIndex(table, { columns: [config.surrogate_key], unique: true }),
  ];
};

/** Keys and indexes of a newly built tracked relation; made after its rows are in it. */
export const tableConstraints = (
  table: RelationName,
  config: TrackedConfig,
  validFromType: string,
): string[] => {
  const field = partitionFieldOf(config);
  // A partitioned table's key has to contain what it is partitioned by.
  const key = [...identityOf(config), ...(field === undefined ? [] : [field])];
  return [
    `alter table ${relationSql(table)} add primary key (${[...new Set(key)].map(q).join(', ')})`,
    ...(config.materialized === 'scd2' ? scd2Constraints(table, config, validFromType) : []),
    ...config.indexes.map((index) => createIndex(table, index)),
  ];
};

export const plainIndexes = (table: RelationName, indexes: readonly IndexConfig[]): string[] =>
  indexes.map((index) => createIndex(table, index));

import { quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import { type SOURCE, STAGED } from './delta';
import type { IncrementalConfig, IndexConfig, Scd2Config, TrackedConfig } from './model-config';
import { IS_CURRENT, VALID_FROM, VALID_TO } from './scd2';

/** Where a relation is built before it takes its place: out of every reader's sight, in the same transaction. */
export const buildName = ({ schema, name }: RelationName): RelationName => ({
  schema: 'strata_build',
  name: schema === 'strata_build' ? `${name}_` : name,
});

/** A model's SQL as a sub-select; it may end in a semicolon or a comment. */
export const asSubselect = (sql: string): string => `(\n${sql.trim().replace(/;+\s*$/, '')}\n) as _model`;

/** The rows of a merging model: of several with one key the one with the greatest load order. */
export const stagedRows = (sql: string, config: IncrementalConfig): string => {
  const gone =
    config.delete_where === undefined ? '' : `, coalesce((${config.delete_where}), false) as _gone`;
  if (!config.load_order) return `select *${gone} from ${asSubselect(sql)}`;
  const key = config.unique_key.map(q).join(', ');
  const order = config.load_order.map((c) => `${q(c)} desc`).join(', ');
  return `select distinct on (${key}) *${gone} from ${asSubselect(sql)}\norder by ${key}, ${order}`;
};

export const createStaged = (query: string): string =>
  `create temporary table _strata_staged on commit drop as\n${query}`;

export const createSource = (sql: string): string =>
  `create temporary table _strata_source on commit drop as\nselect * from ${asSubselect(sql)}`;

/** Of `_strata_staged`: makes a key that occurs twice an error (23505), and the join with the target fast. */
export const indexStaged = (key: readonly string[]): string[] => [
  `create unique index on ${STAGED} (${key.map(q).join(', ')})`,
  `analyze ${STAGED}`,
];

/** Rows of `_strata_staged` (or `_strata_source`) whose key is NULL: column `rows`. */
export const countNullKeys = (key: readonly string[], from: typeof STAGED | typeof SOURCE): string =>
  `select count(*) as rows from ${from} where ${key.map((k) => `${q(k)} is null`).join(' or ')}`;

/** The identity of a row of a tracked relation. */
export const identityOf = (config: TrackedConfig): readonly string[] =>
  config.materialized === 'scd2' ? [...config.unique_key, VALID_FROM] : config.unique_key;

const createIndex = (table: RelationName, { columns, unique }: IndexConfig): string =>
  `create ${unique ? 'unique ' : ''}index on ${relationSql(table)} (${columns.map(q).join(', ')})`;

const RANGE_TYPE: Record<string, string> = {
  'timestamp with time zone': 'tstzrange',
  'timestamp without time zone': 'tsrange',
  date: 'daterange',
};

/** What makes the database itself refuse an overlap, an empty window and a second current row. */
const scd2Constraints = (table: RelationName, config: Scd2Config, validFromType: string): string[] => {
  const range = `${RANGE_TYPE[validFromType] ?? 'tstzrange'}(${VALID_FROM}, ${VALID_TO})`;
  const key = config.unique_key.map(q);
  return [
    `alter table ${relationSql(table)} add check (${VALID_FROM} < ${VALID_TO})`,
    `alter table ${relationSql(table)} add exclude using gist (${key.map((k) => `${k} with =`).join(', ')}, ${range} with &&)`,
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
  const partition = config.materialized === 'incremental' ? config.partition_by : undefined;
  // A partitioned table's key has to contain what it is partitioned by.
  const key = [...identityOf(config), ...(partition ? [partition.field] : [])];
  return [
    `alter table ${relationSql(table)} add primary key (${[...new Set(key)].map(q).join(', ')})`,
    ...(config.materialized === 'scd2' ? scd2Constraints(table, config, validFromType) : []),
    ...config.indexes.map((index) => createIndex(table, index)),
  ];
};

export const plainIndexes = (table: RelationName, indexes: readonly IndexConfig[]): string[] =>
  indexes.map((index) => createIndex(table, index));

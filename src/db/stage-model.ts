import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import {
  countDuplicateKeys,
  countNulls,
  createSource,
  createStaged,
  identityOf,
  indexKey,
  keepNewest,
  stagedRows,
} from '../compiler/materializations/build';
import { SOURCE, STAGED } from '../compiler/materializations/delta';
import { loadOrderOf, partitionFieldOf, type TrackedConfig } from '../compiler/materializations/model-config';
import { scd2Columns, scd2Versions } from '../compiler/materializations/scd2';
import type { RelationName } from '../compiler/manifest';
import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import { rawSql } from './raw-sql';
import { isSqlState, UNIQUE_VIOLATION } from './sqlstate';

export interface BuildInput {
  readonly label: string;
  readonly relation: RelationName;
  readonly sql: string;
}

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** What a model's SQL came to, as `_strata_staged`. */
export interface Staged {
  /** The relation's columns. */
  readonly columns: readonly Column[];
  /** Rows that the SQL gave. */
  readonly rowsIn: number;
  /** Rows that are staged: of a merging model one a key, of a dimension its versions. */
  readonly rows: number;
}

type Table = typeof STAGED | typeof SOURCE;
const ColumnRow = z.object({ name: z.string(), type: z.string() });
const Ties = z.object({ ties: z.coerce.number() });
const Duplicates = z.object({ keys: z.coerce.number(), rows: z.coerce.number() });

/** Runs a statement; returns how many rows it says it has made, changed or removed. */
export const countRows = async (connection: CommonQueryMethods, statement: string): Promise<number> =>
  (await connection.query(rawSql(statement))).rowCount;

export const execute = async (
  connection: CommonQueryMethods,
  statements: readonly string[],
): Promise<void> => {
  for (const statement of statements) await connection.query(rawSql(statement));
};

const describe = async (connection: CommonQueryMethods, table: Table): Promise<Column[]> => {
  const result = await connection.query(
    rawSql(`select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a where a.attrelid = '${table}'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`),
  );
  return z.array(ColumnRow).parse(result.rows);
};

/** The columns of the staged rows. */
export const describeStaged = (connection: CommonQueryMethods): Promise<Column[]> =>
  describe(connection, STAGED);

/** @throws KEY_NULL names the columns and counts the rows */
const refuseNulls = async (
  connection: CommonQueryMethods,
  label: string,
  check: { columns: readonly string[]; from: Table },
): Promise<void> => {
  const { rows } = await connection.query(rawSql(countNulls(check.columns, check.from)));
  const counts = rows[0] as Record<string, string>;
  const withNull = Number(counts['rows']);
  if (withNull === 0) return;
  const columns = check.columns.filter((_, i) => counts[`c${i}`] !== '0');
  throw new StrataError(
    'KEY_NULL',
    `Model ${label}: ${countOf(withNull, 'row')} with NULL in ${columns.join(', ')}`,
  );
};

interface Keyed {
  readonly key: readonly string[];
  readonly from: Table;
}

const duplicateKeys = async (
  connection: CommonQueryMethods,
  label: string,
  { key, from }: Keyed,
): Promise<StrataError | undefined> => {
  const { rows } = await connection.query(rawSql(countDuplicateKeys(from, key)));
  const found = Duplicates.parse(rows[0]);
  if (found.keys === 0) return undefined;
  const which = countOf(found.keys, 'key occurs', 'keys occur');
  return new StrataError(
    'KEY_DUPLICATE',
    `Model ${label}: ${which} more than once (${key.join(', ')}; ${countOf(found.rows, 'row')})`,
  );
};

/** KEY_DUPLICATE if a key was staged twice: for rows that were staged with `unique: 'later'`. */
export const stagedTwice = (
  connection: CommonQueryMethods,
  label: string,
  config: TrackedConfig,
): Promise<StrataError | undefined> =>
  duplicateKeys(connection, label, { key: identityOf(config), from: STAGED });

/** Whether no key occurs twice; then the table has an index on it. */
const indexUnlessDuplicate = async (
  connection: CommonQueryMethods,
  { key, from }: Keyed,
): Promise<boolean> => {
  try {
    await connection.transaction((savepoint) => execute(savepoint, [indexKey(from, key)]));
    return true;
  } catch (error) {
    if (!isSqlState(error, UNIQUE_VIOLATION)) throw error;
    return false;
  }
};

const requireUnique = async (connection: CommonQueryMethods, label: string, table: Keyed): Promise<void> => {
  if (await indexUnlessDuplicate(connection, table)) return;
  const duplicate = await duplicateKeys(connection, label, table);
  if (duplicate) throw duplicate;
};

/** The dimension's versions as `_strata_staged`, from all changes of the keys concerned as `_strata_source`. */
const stageVersions = async (
  connection: CommonQueryMethods,
  { label, sql }: BuildInput,
  config: Extract<TrackedConfig, { materialized: 'scd2' }>,
): Promise<{ rowsIn: number; rows: number }> => {
  const rowsIn = await countRows(connection, createSource(sql));
  const source = (await describe(connection, SOURCE)).map((c) => c.name);
  scd2Columns(label, config, source);
  const identity = [...config.unique_key, config.updated_at];
  if (rowsIn > 0) {
    await refuseNulls(connection, label, { columns: identity, from: SOURCE });
    await requireUnique(connection, label, { key: identity, from: SOURCE });
  }
  return { rowsIn, rows: await countRows(connection, createStaged(scd2Versions(config, source))) };
};

const stageRows = async (
  connection: CommonQueryMethods,
  { sql }: BuildInput,
  config: TrackedConfig,
): Promise<{ rowsIn: number; rows: number }> => {
  const deleteWhere = config.materialized === 'incremental' ? config.delete_where : undefined;
  const rows = await countRows(connection, createStaged(stagedRows(sql, deleteWhere)));
  return { rowsIn: rows, rows };
};

/** Of the staged rows of a key the newest. Returns how many were taken out. @throws KEY_DUPLICATE */
const keepNewestRows = async (
  connection: CommonQueryMethods,
  label: string,
  { key, loadOrder }: { readonly key: readonly string[]; readonly loadOrder: readonly string[] },
): Promise<number> => {
  const [find, countTies, ...takeOut] = keepNewest(key, loadOrder);
  const superseded = await countRows(connection, find);
  const { ties } = Ties.parse((await connection.query(rawSql(countTies))).rows[0]);
  if (ties > 0)
    throw new StrataError(
      'KEY_DUPLICATE',
      `Model ${label}: ${countOf(ties, 'row')} with key and load order of another (${key.join(', ')})`,
    );
  await execute(connection, takeOut);
  return superseded;
};

/** Columns that say which part of the relation a row belongs to. */
const placesOf = (config: TrackedConfig): string[] => {
  if (config.materialized === 'by_period') return [config.period_column];
  const field = partitionFieldOf(config);
  return field === undefined ? [] : [field];
};

/**
 * Whether the staged rows are made sure to be one a key now, by an index, or by what they are written to, and then
 * {@link stagedTwice} says of a failure what it was.
 */
type Unique = 'now' | 'later';

/** Makes the staged rows one a key; returns how many were taken out. @throws MODEL_INVALID, KEY_NULL, KEY_DUPLICATE */
const makeUnique = async (
  connection: CommonQueryMethods,
  config: TrackedConfig,
  { label, columns, rows, unique }: Pick<Staged, 'columns' | 'rows'> & { label: string; unique: Unique },
): Promise<number> => {
  const key = identityOf(config);
  const loadOrder = loadOrderOf(config);
  const needed = [...new Set([...key, ...loadOrder, ...placesOf(config)])];
  const unknown = needed.filter((k) => !columns.some((c) => c.name === k));
  if (unknown.length > 0)
    throw new StrataError('MODEL_INVALID', `Model ${label}: ${unknown.join(', ')} is not selected`);
  if (rows === 0) return 0;
  await refuseNulls(connection, label, { columns: needed, from: STAGED });
  const table: Keyed = { key, from: STAGED };
  const isOrdered = loadOrder.length > 0;
  // The index is needed for a merge anyway, and seldom fails.
  if (isOrdered && unique === 'now' && (await indexUnlessDuplicate(connection, table))) return 0;
  const superseded = isOrdered ? await keepNewestRows(connection, label, { key, loadOrder }) : 0;
  if (unique === 'now') await requireUnique(connection, label, table);
  return superseded;
};

/**
 * Runs a tracked model's SQL into `_strata_staged`, one row per key, and counts.
 * @throws KEY_NULL, KEY_DUPLICATE, MODEL_INVALID
 */
export const stageModel = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
  { unique = 'now' }: { readonly unique?: Unique } = {},
): Promise<Staged> => {
  const { rowsIn, rows } =
    config.materialized === 'scd2'
      ? await stageVersions(connection, input, config)
      : await stageRows(connection, input, config);
  const columns = (await describe(connection, STAGED)).filter((c) => c.name !== '_gone');
  const superseded = await makeUnique(connection, config, { label: input.label, columns, rows, unique });
  return { columns, rowsIn, rows: rows - superseded };
};

/** Forgets what was staged, so that it can be staged otherwise in the same transaction. */
export const dropStaged = (connection: CommonQueryMethods): Promise<void> =>
  execute(connection, [`drop table if exists ${STAGED}`, `drop table if exists ${SOURCE}`]);

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
import type { TrackedConfig } from '../compiler/materializations/model-config';
import { scd2Columns, scd2Versions } from '../compiler/materializations/scd2';
import type { RelationName } from '../compiler/manifest';
import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import { rawSql } from './raw-sql';
import { isSqlState } from './sqlstate';

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
const UNIQUE_VIOLATION = new Set(['23505']);
const ColumnRow = z.object({ name: z.string(), type: z.string() });
const Newest = z.object({ newest: z.coerce.number() });
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

const duplicateKeys = async (
  connection: CommonQueryMethods,
  label: string,
  { key, from }: { key: readonly string[]; from: Table },
): Promise<StrataError> => {
  const { rows } = await connection.query(rawSql(countDuplicateKeys(from, key)));
  const found = Duplicates.parse(rows[0]);
  const which = countOf(found.keys, 'key occurs', 'keys occur');
  return new StrataError(
    'KEY_DUPLICATE',
    `Model ${label}: ${which} more than once (${key.join(', ')}; ${countOf(found.rows, 'row')})`,
  );
};

/** Whether no key occurs twice; then the table has an index on it. */
const indexUnlessDuplicate = async (
  connection: CommonQueryMethods,
  { key, from }: { key: readonly string[]; from: Table },
): Promise<boolean> => {
  try {
    await connection.transaction((savepoint) => execute(savepoint, [indexKey(from, key)]));
    return true;
  } catch (error) {
    if (!isSqlState(error, UNIQUE_VIOLATION)) throw error;
    return false;
  }
};

const requireUnique = async (
  connection: CommonQueryMethods,
  label: string,
  table: { key: readonly string[]; from: Table },
): Promise<void> => {
  if (!(await indexUnlessDuplicate(connection, table))) throw await duplicateKeys(connection, label, table);
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

/** Of the rows of a key the newest; sorted only where a key occurs twice at all. Returns how many are left. */
const keepNewestRows = async (
  connection: CommonQueryMethods,
  label: string,
  { key, loadOrder }: { key: readonly string[]; loadOrder: readonly string[] },
): Promise<number> => {
  const [keep, count, ...replace] = keepNewest(key, loadOrder);
  const rows = await countRows(connection, keep as string);
  const { newest } = Newest.parse((await connection.query(rawSql(count as string))).rows[0]);
  if (newest > rows)
    throw new StrataError(
      'KEY_DUPLICATE',
      `Model ${label}: ${countOf(newest - rows, 'row')} with key and load order of another (${key.join(', ')})`,
    );
  await execute(connection, [...replace, indexKey(STAGED, key)]);
  return rows;
};

/** Columns that say which part of the relation a row belongs to. */
const placesOf = (config: TrackedConfig): string[] => {
  if (config.materialized === 'by_period') return [config.period_column];
  return config.materialized === 'incremental' && config.partition_by ? [config.partition_by.field] : [];
};

/** Makes the staged rows one a key; returns how many are left where some are not. @throws MODEL_INVALID, KEY_NULL, KEY_DUPLICATE */
const makeUnique = async (
  connection: CommonQueryMethods,
  config: TrackedConfig,
  { label, columns, rows }: { label: string; columns: readonly Column[]; rows: number },
): Promise<number | undefined> => {
  const key = identityOf(config);
  const loadOrder = (config.materialized === 'incremental' ? config.load_order : undefined) ?? [];
  const needed = [...new Set([...key, ...loadOrder, ...placesOf(config)])];
  const unknown = needed.filter((k) => !columns.some((c) => c.name === k));
  if (unknown.length > 0)
    throw new StrataError('MODEL_INVALID', `Model ${label}: ${unknown.join(', ')} is not selected`);
  if (rows === 0) return undefined;
  await refuseNulls(connection, label, { columns: needed, from: STAGED });
  const table = { key, from: STAGED } as const;
  if (config.materialized !== 'incremental' || loadOrder.length === 0)
    await requireUnique(connection, label, table);
  else if (!(await indexUnlessDuplicate(connection, table)))
    return keepNewestRows(connection, label, { key, loadOrder });
  return undefined;
};

/**
 * Runs a tracked model's SQL into `_strata_staged`, one row per key, and counts.
 * @throws KEY_NULL, KEY_DUPLICATE, MODEL_INVALID
 */
export const stageModel = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
): Promise<Staged> => {
  const { rowsIn, rows } =
    config.materialized === 'scd2'
      ? await stageVersions(connection, input, config)
      : await stageRows(connection, input, config);
  const columns = (await describe(connection, STAGED)).filter((c) => c.name !== '_gone');
  const unique = await makeUnique(connection, config, { label: input.label, columns, rows });
  return { columns, rowsIn, rows: unique ?? rows };
};

/** Forgets what was staged, so that it can be staged otherwise in the same transaction. */
export const dropStaged = (connection: CommonQueryMethods): Promise<void> =>
  execute(connection, [`drop table if exists ${STAGED}`, `drop table if exists ${SOURCE}`]);

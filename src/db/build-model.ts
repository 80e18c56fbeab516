import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import {
  asSubselect,
  buildName,
  countNullKeys,
  createSource,
  createStaged,
  identityOf,
  indexStaged,
  plainIndexes,
  stagedRows,
  tableConstraints,
} from '../compiler/materializations/build';
import { createFeed, SOURCE, STAGED } from '../compiler/materializations/delta';
import type { TableConfig, TrackedConfig } from '../compiler/materializations/model-config';
import { createPartition, missingPartitions, monthsOf } from '../compiler/materializations/partitions';
import { scd2Columns, scd2Versions, VALID_FROM } from '../compiler/materializations/scd2';
import type { RelationName } from '../compiler/manifest';
import { countOf } from '../domain/conservation';
import { StrataError } from '../domain/errors';
import { describeRelation } from './facts';
import { rawSql } from './raw-sql';
import { findRelation } from './relations';
import { listPartitions, replaceRelation, swapIn } from './replace-relation';
import { INVALID_TABLE_DEFINITION, isSqlState } from './sqlstate';

export interface BuildInput {
  readonly label: string;
  readonly relation: RelationName;
  readonly sql: string;
}

const Count = z.object({ count: z.string() });
const Month = z.object({ month: z.string() });

export const execute = async (
  connection: CommonQueryMethods,
  statements: readonly string[],
): Promise<void> => {
  for (const statement of statements) await connection.query(rawSql(statement));
};

const columnNames = async (connection: CommonQueryMethods, table: string): Promise<string[]> => {
  const result = await connection.query(rawSql(`select * from ${table} limit 0`));
  return result.fields.map((f) => f.name);
};

const refuseNullKeys = async (
  connection: CommonQueryMethods,
  label: string,
  check: { key: readonly string[]; from: typeof STAGED | typeof SOURCE },
): Promise<void> => {
  const result = await connection.query(rawSql(countNullKeys(check.key, check.from)));
  const rows = Number((result.rows[0] as { rows: string }).rows);
  if (rows > 0)
    throw new StrataError(
      'KEY_NULL',
      `Model ${label}: ${countOf(rows, 'row')} with NULL in its key (${check.key.join(', ')})`,
    );
};

/** The dimension's versions as `_strata_staged`, from all changes of the keys concerned as `_strata_source`. */
const stageVersions = async (
  connection: CommonQueryMethods,
  { label, sql: text }: BuildInput,
  config: Extract<TrackedConfig, { materialized: 'scd2' }>,
): Promise<void> => {
  await execute(connection, [createSource(text)]);
  const source = await columnNames(connection, SOURCE);
  scd2Columns(label, config, source);
  const identity = [...config.unique_key, config.updated_at];
  await refuseNullKeys(connection, label, { key: identity, from: SOURCE });
  await execute(connection, [
    `create unique index on ${SOURCE} (${identity.map(quoteIdentifier).join(', ')})`,
    createStaged(scd2Versions(config, source)),
  ]);
};

/**
 * Runs a tracked model's SQL into `_strata_staged`, one row per key; returns the columns that are the relation's.
 * @throws KEY_NULL, MODEL_INVALID; a key that occurs twice is a unique violation
 */
export const stageModel = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
): Promise<string[]> => {
  if (config.materialized === 'scd2') await stageVersions(connection, input, config);
  else if (config.materialized === 'incremental')
    await execute(connection, [createStaged(stagedRows(input.sql, config))]);
  else await execute(connection, [createStaged(`select * from ${asSubselect(input.sql)}`)]);
  const key = identityOf(config);
  const columns = (await columnNames(connection, STAGED)).filter((c) => c !== '_gone');
  const unknown = key.filter((k) => !columns.includes(k));
  if (unknown.length > 0)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${input.label}: unique_key ${unknown.join(', ')} is not selected`,
    );
  await refuseNullKeys(connection, input.label, { key, from: STAGED });
  await execute(connection, indexStaged(key));
  return columns;
};

/** Makes the partitions that rows of `from` need in `parent`. */
export const ensurePartitions = async (
  connection: CommonQueryMethods,
  parent: RelationName,
  rows: { readonly from: string; readonly field: string },
): Promise<void> => {
  const months = (await connection.any(rawSql(monthsOf(rows.from, rows.field)))).map(
    (r) => Month.parse(r).month,
  );
  const existing = (await listPartitions(connection, parent)).map((p) => p.name);
  const currentYear = new Date().getUTCFullYear();
  const missing = missingPartitions(parent.name, existing, months, currentYear);
  await execute(
    connection,
    missing.map((range) => createPartition(parent, range)),
  );
};

const createTracked = async (
  connection: CommonQueryMethods,
  built: RelationName,
  config: TrackedConfig,
): Promise<void> => {
  const partition = config.materialized === 'incremental' ? config.partition_by : undefined;
  if (!partition) return execute(connection, [`create table ${relationSql(built)} (like ${STAGED})`]);
  await execute(connection, [
    `create table ${relationSql(built)} (like ${STAGED}) partition by range (${quoteIdentifier(partition.field)})`,
  ]);
  return ensurePartitions(connection, built, { from: STAGED, field: partition.field });
};

/** Builds a tracked relation from scratch beside the one that stands, and puts it in its place. Returns its row count. */
export const buildTracked = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
): Promise<number> => {
  const columns = await stageModel(connection, input, config);
  const hasGone = config.materialized === 'incremental' && config.delete_where !== undefined;
  if (hasGone)
    await execute(connection, [
      `delete from ${STAGED} where _gone`,
      `alter table ${STAGED} drop column _gone`,
    ]);
  const built = buildName(input.relation);
  await createTracked(connection, built, config);
  const list = columns.map(quoteIdentifier).join(', ');
  const inserted = await connection.query(
    rawSql(`insert into ${relationSql(built)} (${list}) select ${list} from ${STAGED}`),
  );
  const { columns: described } = await describeRelation(connection, built);
  const validFromType = described.find((c) => c.name === VALID_FROM)?.type ?? '';
  await execute(connection, [
    ...tableConstraints(built, config, validFromType),
    `analyze ${relationSql(built)}`,
    ...createFeed(input.relation, built),
  ]);
  await swapIn(connection, input.relation);
  return inserted.rowCount;
};

/** Materialization `table`: built beside, swapped in. Returns its row count. */
export const buildTable = async (
  connection: CommonQueryMethods,
  { relation, sql: text }: BuildInput,
  config: TableConfig,
): Promise<number> => {
  const built = buildName(relation);
  await execute(connection, [
    `create table ${relationSql(built)} as\nselect * from ${asSubselect(text)}`,
    ...plainIndexes(built, config.indexes),
    `analyze ${relationSql(built)}`,
  ]);
  const count = await connection.oneFirst(
    sql.type(Count)`select count(*) from ${sql.identifier([built.schema, built.name])}`,
  );
  await swapIn(connection, relation);
  return Number(count);
};

/** Materialization `view`: replaced in place where its columns allow it. */
export const buildView = async (connection: CommonQueryMethods, input: BuildInput): Promise<void> => {
  const { relation, sql: text } = input;
  const create = (how: string): string =>
    `${how} ${relationSql(relation)} as\nselect * from ${asSubselect(text)}`;
  if (
    (await describeRelation(connection, relation)).type === 'view' &&
    (await findRelation(connection, relation))
  ) {
    try {
      await connection.transaction((savepoint) => execute(savepoint, [create('create or replace view')]));
      return;
    } catch (error) {
      if (!isSqlState(error, INVALID_TABLE_DEFINITION)) throw error;
    }
  }
  await replaceRelation(connection, relation, () => execute(connection, [create('create view')]));
};

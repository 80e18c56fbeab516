import type { CommonQueryMethods } from 'slonik';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import { asSubselect, plainIndexes, tableConstraints } from '../compiler/materializations/build';
import { createFeed, STAGED } from '../compiler/materializations/delta';
import { createKeyPlaces, keyPlacesOf } from '../compiler/materializations/key-places';
import type { TableConfig, TrackedConfig } from '../compiler/materializations/model-config';
import { VALID_FROM } from '../compiler/materializations/scd2';
import type { RelationName } from '../compiler/manifest';
import { refuseImbalance } from '../domain/conservation';
import type { RowCounts } from '../wire/transform';
import { describeRelation } from './facts';
import { liveRows } from './need-archived';
import { ensurePartitions, recordChangedMonths } from './partitions';
import { findRelation } from './relations';
import { beginBuild, replaceRelation, swapIn } from './replace-relation';
import { INVALID_TABLE_DEFINITION, isSqlState } from './sqlstate';
import { type BuildInput, countRows, execute, stageModel } from './stage-model';
import { takeTurn } from './take-turn';

const createTracked = async (
  connection: CommonQueryMethods,
  built: RelationName,
  { config, live }: { readonly config: TrackedConfig; readonly live: string },
): Promise<void> => {
  const partition = config.materialized === 'incremental' ? config.partition_by : undefined;
  if (!partition) return execute(connection, [`create table ${relationSql(built)} (like ${STAGED})`]);
  await execute(connection, [
    `create table ${relationSql(built)} (like ${STAGED}) partition by range (${quoteIdentifier(partition.field)})`,
  ]);
  await ensurePartitions(connection, built, { from: live, field: partition.field });
};

/** Takes out of the staged rows those that `delete_where` names; returns how many. */
export const dropGone = async (connection: CommonQueryMethods, config: TrackedConfig): Promise<number> => {
  if (config.materialized !== 'incremental' || config.delete_where === undefined) return 0;
  const gone = await countRows(connection, `delete from ${STAGED} where _gone`);
  await execute(connection, [`alter table ${STAGED} drop column _gone`]);
  return gone;
};

/**
 * Builds a tracked relation from scratch beside the one that stands, and puts it in its place. Months that are archived
 * stay there where they are what the rows say.
 * @throws ROWS_NOT_CONSERVED, KEY_NULL, KEY_DUPLICATE, MODEL_INVALID
 */
export const buildTracked = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
): Promise<RowCounts> => {
  const { columns, rowsIn, rows } = await stageModel(connection, input, config);
  const excluded = await dropGone(connection, config);
  const { live, archived } = await liveRows(connection, input.relation, config);
  const built = await beginBuild(connection, input.relation);
  await createTracked(connection, built, { config, live });
  const list = columns.map((c) => quoteIdentifier(c.name)).join(', ');
  const inserted = await countRows(
    connection,
    `insert into ${relationSql(built)} (${list}) select ${list} from ${live}`,
  );
  refuseImbalance(`Model ${input.label}`, [
    { left: 'rows staged', is: rows, right: 'written', of: inserted + excluded + archived },
  ]);
  await execute(connection, [
    ...tableConstraints(built, config, columns.find((c) => c.name === VALID_FROM)?.type ?? ''),
    `analyze ${relationSql(built)}`,
    ...createFeed(input.relation, built),
  ]);
  await swapIn(connection, input.relation);
  const places = keyPlacesOf(input.relation, config);
  if (places) await execute(connection, createKeyPlaces(places, STAGED));
  const partition = config.materialized === 'incremental' ? config.partition_by : undefined;
  if (partition)
    await recordChangedMonths(connection, input.relation, { from: live, columns: [partition.field] });
  const superseded = config.materialized === 'incremental' && config.load_order ? rowsIn - rows : 0;
  return { inserted, updated: 0, deleted: 0, in: rowsIn, unchanged: archived, superseded, excluded };
};

/** Materialization `table`: built beside, swapped in. */
export const buildTable = async (
  connection: CommonQueryMethods,
  { relation, sql: text }: BuildInput,
  config: TableConfig,
): Promise<RowCounts> => {
  const built = await beginBuild(connection, relation);
  const inserted = await countRows(
    connection,
    `create table ${relationSql(built)} as\nselect * from ${asSubselect(text)}`,
  );
  await execute(connection, [...plainIndexes(built, config.indexes), `analyze ${relationSql(built)}`]);
  await swapIn(connection, relation);
  return { inserted, updated: 0, deleted: 0, in: inserted, unchanged: 0, superseded: 0, excluded: 0 };
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
      await takeTurn(connection, (savepoint) => execute(savepoint, [create('create or replace view')]));
      return;
    } catch (error) {
      if (!isSqlState(error, INVALID_TABLE_DEFINITION)) throw error;
    }
  }
  await replaceRelation(connection, relation, (savepoint) => execute(savepoint, [create('create view')]));
};

import type { CommonQueryMethods } from 'slonik';
import { relationSql } from '../compiler/identifiers';
import { asSubselect, plainIndexes, storageOf } from '../compiler/materializations/build';
import type { TableConfig } from '../compiler/materializations/model-config';
import type { RowCounts } from '../wire/transform';
import { describeRelation } from './facts';
import { findRelation } from './relations';
import { beginBuild, replaceRelation, swapIn } from './replace-relation';
import { INVALID_TABLE_DEFINITION, isSqlState } from './sqlstate';
import { type BuildInput, countRows, execute } from './stage-model';
import { takeTurn } from './take-turn';

/** Materialization `table`: built beside, swapped in. */
export const buildTable = async (
  connection: CommonQueryMethods,
  { relation, sql: text }: BuildInput,
  config: TableConfig,
): Promise<RowCounts> => {
  const built = await beginBuild(connection, relation);
  const inserted = await countRows(
    connection,
    `create table ${relationSql(built)}${storageOf(config)} as\nselect * from ${asSubselect(text)}`,
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

import type { CommonQueryMethods } from 'slonik';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import { storageOf, tableConstraints } from '../compiler/materializations/build';
import { createFeed, STAGED } from '../compiler/materializations/delta';
import { COMING, DIFFERENCE } from '../compiler/materializations/difference';
import { createKeyPlaces, type KeyPlaces, keyPlacesOf } from '../compiler/materializations/key-places';
import { loadOrderOf, partitionFieldOf, type TrackedConfig } from '../compiler/materializations/model-config';
import { VALID_FROM } from '../compiler/materializations/scd2';
import type { RelationName } from '../compiler/manifest';
import { refuseImbalance } from '../domain/conservation';
import type { RowCounts } from '../wire/transform';
import { alignFillfactor } from './align-fillfactor';
import { analyzeRelation } from './analyze-relation';
import { describeRelation } from './facts';
import { liveRows } from './need-archived';
import { ensurePartitions, recordChangedMonths } from './partitions';
import { findTakeover, refreshInPlace, type Takeover } from './refresh-in-place';
import { findRelation } from './relations';
import { beginBuild, endBuild, moveBuilt } from './replace-relation';
import { isSqlState, UNIQUE_VIOLATION } from './sqlstate';
import { type BuildInput, type Column, countRows, execute, stagedTwice, stageModel } from './stage-model';

/** Makes an empty table with the columns of what is staged, without key or indexes. */
const createEmpty = (
  connection: CommonQueryMethods,
  built: RelationName,
  config: TrackedConfig,
): Promise<void> => {
  const field = partitionFieldOf(config);
  const partitioning = field === undefined ? '' : ` partition by range (${quoteIdentifier(field)})`;
  return execute(connection, [
    `create table ${relationSql(built)} (like ${STAGED})${partitioning}${storageOf(config)}`,
  ]);
};

/** Takes out of the staged rows those that `delete_where` names; returns how many. */
export const dropGone = async (connection: CommonQueryMethods, config: TrackedConfig): Promise<number> => {
  if (config.materialized !== 'incremental' || config.delete_where === undefined) return 0;
  const gone = await countRows(connection, `delete from ${STAGED} where _gone`);
  await execute(connection, [`alter table ${STAGED} drop column _gone`]);
  return gone;
};

interface Write {
  readonly relation: RelationName;
  readonly config: TrackedConfig;
  readonly columns: readonly Column[];
  /** The staged rows that go into it. */
  readonly live: string;
}

const keysOf = (built: RelationName, { config, columns }: Write): string[] =>
  tableConstraints(built, config, columns.find((c) => c.name === VALID_FROM)?.type ?? '');

/** Builds the relation beside the one that stands, and puts it in its place. Returns how many rows it has. */
const writeBeside = async (
  connection: CommonQueryMethods,
  built: RelationName,
  write: Write,
): Promise<number> => {
  const { relation, config, columns, live } = write;
  const field = partitionFieldOf(config);
  await createEmpty(connection, built, config);
  if (field !== undefined) await ensurePartitions(connection, built, { from: live, field });
  const list = columns.map((c) => quoteIdentifier(c.name)).join(', ');
  const rows = await countRows(
    connection,
    `insert into ${relationSql(built)} (${list}) select ${list} from ${live}`,
  );
  await execute(connection, keysOf(built, write));
  await analyzeRelation(connection, built);
  const places = keyPlacesOf(relation, config);
  if (places) await execute(connection, createKeyPlaces(places, STAGED));
  if (field !== undefined) await recordChangedMonths(connection, relation, { from: live, columns: [field] });
  // Last: readers wait from here on until the commit.
  await moveBuilt(connection, relation);
  return rows;
};

/** Makes the places of a relation's keys those of the staged rows. Returns how many keys have one, where it tells. */
const refreshPlaces = async (
  connection: CommonQueryMethods,
  places: KeyPlaces,
): Promise<number | undefined> => {
  const { table, key, field } = places;
  if ((await describeRelation(connection, table)).exists) {
    const refreshed = { table, key, columns: [...key, field], isUniqueOtherwise: false, from: STAGED };
    return (await refreshInPlace(connection, refreshed)).rows;
  }
  await execute(connection, createKeyPlaces(places, STAGED));
  return undefined;
};

/** What was written of a relation: how many rows it has, and what a refresh in place tells besides. */
interface Written {
  readonly rows: number;
  /** How many keys have a place. */
  readonly placed?: number | undefined;
  /** How many rows that differ were not written. */
  readonly missed?: number;
}

/** Changes the rows of the relation that stands to the staged ones. */
const writeInPlace = async (
  connection: CommonQueryMethods,
  takeover: Takeover,
  { relation, config, live }: Write,
): Promise<Written> => {
  const field = partitionFieldOf(config);
  await alignFillfactor(connection, relation, config);
  const written = await refreshInPlace(connection, { table: relation, ...takeover, from: live }, async () => {
    if (field === undefined) return;
    await ensurePartitions(connection, relation, { from: COMING, field });
    await recordChangedMonths(connection, relation, { from: DIFFERENCE, columns: [field] });
  });
  const places = keyPlacesOf(relation, config);
  return { ...written, placed: places && (await refreshPlaces(connection, places)) };
};

/**
 * Makes the relation have the live rows: in place where one stands that is made alike, unless the model says otherwise; else
 * beside it.
 * @throws what PostgreSQL says of a key that comes twice
 */
const write = async (connection: CommonQueryMethods, what: Write): Promise<Written> => {
  const { relation, config } = what;
  const built = await beginBuild(connection, relation);
  const mayStand = config.rebuild === 'in_place' && (await findRelation(connection, relation)) !== undefined;
  const takeover = mayStand
    ? await findTakeover(connection, relation, built, async () => {
        await createEmpty(connection, built, config);
        await execute(connection, keysOf(built, what));
      })
    : undefined;
  const written = takeover
    ? await writeInPlace(connection, takeover, what)
    : { rows: await writeBeside(connection, built, what) };
  await endBuild(connection, relation);
  await execute(connection, createFeed(relation, relation));
  return written;
};

/**
 * Builds a tracked relation from scratch. Months that are archived stay there where they are what the rows say.
 * @throws ROWS_NOT_CONSERVED, KEY_NULL, KEY_DUPLICATE, MODEL_INVALID
 */
export const buildTracked = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: TrackedConfig,
): Promise<RowCounts> => {
  const { label, relation } = input;
  const { columns, rowsIn, rows } = await stageModel(connection, input, config, { unique: 'later' });
  const excluded = await dropGone(connection, config);
  const { live, archived } = await liveRows(connection, relation, config);
  const refuseTwice = async (): Promise<void> => {
    const duplicate = await stagedTwice(connection, label, config);
    if (duplicate) throw duplicate;
  };
  const written = await connection
    .transaction((savepoint) => write(savepoint, { relation, config, columns, live }))
    .catch(async (error: unknown) => {
      if (isSqlState(error, UNIQUE_VIOLATION)) await refuseTwice();
      throw error;
    });
  const expected = rows - excluded;
  const { placed = expected, missed = 0 } = written;
  if (written.rows + archived !== expected || placed !== expected || missed !== 0) await refuseTwice();
  refuseImbalance(`Model ${label}`, [
    { left: 'rows staged', is: rows, right: 'written', of: written.rows + excluded + archived },
    { left: 'keys staged', is: expected, right: 'placed', of: placed },
    { left: 'rows that differ and are not written', is: missed, right: 'allowed', of: 0 },
  ]);
  const superseded = loadOrderOf(config).length > 0 ? rowsIn - rows : 0;
  return {
    inserted: written.rows,
    updated: 0,
    deleted: 0,
    in: rowsIn,
    unchanged: archived,
    superseded,
    excluded,
  };
};

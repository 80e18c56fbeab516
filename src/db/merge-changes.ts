import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, sqlLiteral } from '../compiler/identifiers';
import { identityOf } from '../compiler/materializations/build';
import {
  analyzeFeed,
  type Application,
  applyDelta,
  compareStaged,
  countDelta,
  DELTA,
  type DeltaInput,
  feedDelta,
  PLACE,
  SOURCE,
  STAGED,
} from '../compiler/materializations/delta';
import { applyToKeyPlaces, keyPlacesOf } from '../compiler/materializations/key-places';
import { partitionFieldOf, shapeOf, type TrackedConfig } from '../compiler/materializations/model-config';
import { refuseImbalance } from '../domain/conservation';
import type { RowCounts } from '../wire/transform';
import { alignColumns } from './align-columns';
import { ensureKeyPlaces } from './key-places';
import { needArchived } from './need-archived';
import { ensurePartitions, recordChangedMonths } from './partitions';
import { PROBED_AT_MOST, probing } from './probing';
import { rawSql } from './raw-sql';
import { hasConsumers, saveRelation, type TrackedRelation } from './relations';
import { isSqlState, UNIQUE_VIOLATION } from './sqlstate';
import { type BuildInput, countRows, execute, type Staged, stageModel } from './stage-model';

/** Of fewer images a plan made for a handful is as good. */
const ANALYZED_FROM = 1_000;

const count = z.coerce.number();
const DeltaCounts = z.object({
  inserted: count,
  updated: count,
  deleted: count,
  remembered: count,
  same: count,
  older: count,
  excluded: count,
  moved: count,
  unplaced: count,
  astray: count,
});
type DeltaCounts = z.infer<typeof DeltaCounts>;

interface Change {
  readonly config: TrackedConfig;
  readonly delta: DeltaInput;
  readonly ops: DeltaCounts;
  /** Whether the feed was made anew, with other columns. */
  readonly newFeed: boolean;
  /** Whether the delta has all columns that the relation has. */
  readonly areAllColumns: boolean;
}

export interface MergeInput extends BuildInput {
  readonly nodeId: string;
  /** What strata's own tables say of the relation. */
  readonly tracked: TrackedRelation;
  /** Of a by_period model: the periods that its rows stand for. */
  readonly affectedPeriods: readonly string[];
  /** Whether the SQL gives all rows, to fill columns that are new. */
  readonly backfill: boolean;
}

/** Which rows of the target leave when they are not staged. */
const scopeOf = (config: TrackedConfig, affectedPeriods: readonly string[]): string | undefined => {
  if (config.materialized === 'scd2') {
    const key = config.unique_key.map(quoteIdentifier);
    return `(${key.map((k) => `t.${k}`).join(', ')}) in (select ${key.join(', ')} from ${SOURCE})`;
  }
  if (config.materialized === 'by_period')
    return `t.${quoteIdentifier(config.period_column)} = any (${sqlLiteral(`{${affectedPeriods.join(',')}}`)}::date[])`;
  return undefined;
};

/**
 * What became of the staged rows. Each has its place: with a load order it is in the delta, else in the delta or in
 * the relation as it was. @throws ROWS_NOT_CONSERVED
 */
const rowCounts = (label: string, staged: Staged, { delta, ops }: Change): RowCounts => {
  // Rows that leave a scope were not staged; those that are gone were.
  const gone = delta.scope === undefined ? ops.deleted : 0;
  const changed = ops.inserted + ops.updated + ops.excluded + gone;
  const unchanged = delta.loadOrder ? ops.remembered + ops.same : Math.max(staged.rows - changed, 0);
  refuseImbalance(`Model ${label}`, [
    { left: 'rows staged', is: staged.rows, right: 'compared', of: changed + unchanged + ops.older },
  ]);
  return {
    inserted: ops.inserted,
    updated: ops.updated,
    deleted: ops.deleted,
    in: staged.rowsIn,
    unchanged,
    superseded: delta.loadOrder ? ops.older + staged.rowsIn - staged.rows : 0,
    excluded: ops.excluded,
  };
};

/** Carries statements of the delta out, and makes sure that as many rows changed as it says. @throws ROWS_NOT_CONSERVED */
const carryOut = async (
  connection: CommonQueryMethods,
  label: string,
  { applications, ops }: { readonly applications: readonly Application[]; readonly ops: DeltaCounts },
): Promise<void> => {
  for (const { sql, operations } of applications) {
    const expected = operations.reduce((sum, operation) => sum + ops[operation], 0);
    if (expected === 0) continue;
    const rows = await countRows(connection, sql);
    refuseImbalance(`Model ${label}`, [
      { left: `rows to be ${operations[0] ?? ''}`, is: expected, right: 'written', of: rows },
    ]);
  }
};

/**
 * Carries out what is in the delta. Rows that change places in what the model makes unique beside its key stand in each other's
 * way: then what would be updated is taken out and put in anew. @throws ROWS_NOT_CONSERVED
 */
const apply = async (
  connection: CommonQueryMethods,
  { label }: MergeInput,
  { config, delta, ops, areAllColumns }: Change,
): Promise<void> => {
  const { places } = delta;
  if (places) await carryOut(connection, label, { applications: applyToKeyPlaces(places), ops });
  const run = (on: CommonQueryMethods, of: DeltaInput): Promise<void> =>
    carryOut(on, label, { applications: applyDelta(of), ops });
  if (!areAllColumns || !config.indexes.some(({ unique }) => unique)) return run(connection, delta);
  try {
    await connection.transaction((savepoint) => run(savepoint, delta));
  } catch (error) {
    if (!isSqlState(error, UNIQUE_VIOLATION)) throw error;
    await run(connection, { ...delta, isUniqueOtherwise: true });
  }
};

const write = async (connection: CommonQueryMethods, input: MergeInput, change: Change): Promise<void> => {
  const { config, ops, newFeed } = change;
  const changed = ops.inserted + ops.updated + ops.deleted;
  if (changed + ops.remembered > 0) {
    const field = partitionFieldOf(config);
    if (field !== undefined) await ensurePartitions(connection, input.relation, { from: DELTA, field });
    if (field !== undefined && changed > 0)
      await recordChangedMonths(connection, input.relation, {
        from: `(select * from ${DELTA} where _op in ('i', 'u', 'd')) as changed`,
        columns: [field, ...(change.delta.places ? [PLACE] : [])],
      });
    if (changed > 0) await feed(connection, input, change);
    await apply(connection, input, change);
  }
  if (changed === 0 && (newFeed || input.tracked.config === null))
    await saveVersion(connection, input, { config, version: BigInt(input.tracked.version), reset: newFeed });
};

const saveVersion = (
  connection: CommonQueryMethods,
  { relation, nodeId, tracked }: MergeInput,
  { config, ...state }: { config: TrackedConfig; version: bigint; reset: boolean },
): Promise<void> =>
  saveRelation(connection, relation, {
    nodeId,
    materialized: tracked.materialized,
    config: shapeOf(config),
    ...state,
  });

/** The next version: with its changes in the feed where somebody consumes them, else as a new beginning. */
const feed = async (
  connection: CommonQueryMethods,
  input: MergeInput,
  { config, delta, ops, newFeed }: Change,
): Promise<void> => {
  const version = BigInt(input.tracked.version) + 1n;
  const reset = newFeed || !(await hasConsumers(connection, input.relation));
  if (!reset) {
    const images = ops.inserted + 2 * ops.updated + ops.deleted;
    const written = await countRows(connection, feedDelta(delta, version));
    refuseImbalance(`Model ${input.label}`, [
      { left: 'images of changes', is: images, right: 'in the feed', of: written },
    ]);
    if (written > ANALYZED_FROM) await execute(connection, [analyzeFeed(input.relation)]);
  }
  await saveVersion(connection, input, { config, version, reset });
};

const NOTHING: DeltaCounts = {
  inserted: 0,
  updated: 0,
  deleted: 0,
  remembered: 0,
  same: 0,
  older: 0,
  excluded: 0,
  moved: 0,
  unplaced: 0,
  astray: 0,
};

/** Whether nothing comes and nothing can leave: most models of most runs. */
const isIdle = (config: TrackedConfig, staged: Staged, { affectedPeriods }: MergeInput): boolean => {
  if (config.materialized === 'by_period') return staged.rows === 0 && affectedPeriods.length === 0;
  return staged.rowsIn === 0;
};

const compare = async (connection: CommonQueryMethods, delta: DeltaInput): Promise<DeltaCounts> => {
  await execute(connection, compareStaged(delta));
  return DeltaCounts.parse((await connection.query(rawSql(countDelta(delta)))).rows[0]);
};

/**
 * Merges a model's rows into its relation: writes only what differs, and the same to the change feed if anybody
 * consumes it. Runs within the caller's transaction, under the relation's lock.
 * @throws ROWS_NOT_CONSERVED, KEY_NULL, KEY_DUPLICATE, MODEL_INVALID; RebuildNeeded, BackfillNeeded
 */
export const mergeChanges = async (
  connection: CommonQueryMethods,
  input: MergeInput,
  config: TrackedConfig,
): Promise<RowCounts> => {
  const staged = await stageModel(connection, input, config);
  const aligned = await alignColumns(connection, { ...input, staged: staged.columns }, config);
  const delta: DeltaInput = {
    target: input.relation,
    columns: aligned.columns,
    key: identityOf(config),
    loadOrder: config.materialized === 'incremental' ? config.load_order : undefined,
    hasGone: config.materialized === 'incremental' && config.delete_where !== undefined,
    scope: scopeOf(config, input.affectedPeriods),
    backfill: input.backfill,
    partitionField: partitionFieldOf(config),
    places: keyPlacesOf(input.relation, config),
    lookup: config.materialized === 'incremental' && staged.rows <= PROBED_AT_MOST ? 'probe' : undefined,
  };
  const isIdleRun = isIdle(config, staged, input);
  if (staged.rows > 0 && delta.lookup !== 'probe') await execute(connection, [`analyze ${STAGED}`]);
  if (delta.places && !isIdleRun) await ensureKeyPlaces(connection, delta.places, input.relation);
  if (!isIdleRun) await needArchived(connection, input.relation, { config, places: delta.places });
  return probing(connection, delta.lookup === 'probe', async () => {
    const ops = isIdleRun ? NOTHING : await compare(connection, delta);
    const change = { config, delta, ops, ...aligned };
    const rows = rowCounts(input.label, staged, change);
    await write(connection, input, change);
    return rows;
  });
};

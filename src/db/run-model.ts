import type { CommonQueryMethods } from 'slonik';
import {
  isTracked,
  type MaterializationConfig,
  parseModelConfig,
  shapeOf,
  type TrackedConfig,
} from '../compiler/materializations/model-config';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import { assertNever } from '../domain/assert-never';
import { canonicalJson } from '../domain/canonical-json';
import { StrataError } from '../domain/errors';
import type { RowCounts } from '../wire/transform';
import { BackfillNeeded } from './align-columns';
import { buildTable, buildView } from './build-model';
import { buildTracked } from './build-tracked';
import { checkAllKept } from './check-all-kept';
import { describeRelation, inputPosition, type Rendered, RebuildNeeded, renderFor } from './facts';
import { mergeChanges } from './merge-changes';
import { needParents } from './need-archived';
import {
  datasetUpstream,
  findRelation,
  relationKey,
  relationUpstream,
  saveProgress,
  saveRelation,
  type TrackedRelation,
} from './relations';
import type { Run } from './runs';
import { sql } from './sql';
import { type BuildInput, dropStaged } from './stage-model';
import { keepBasis } from './up-to-date';

export interface ModelInput {
  readonly manifest: Manifest;
  readonly model: ManifestModel;
  readonly run: Run;
  readonly warehouse: string;
  readonly database: string;
}

/** What running a model came to. */
export interface ModelEffect {
  readonly rows?: RowCounts | undefined;
  /** Of a by_period model: the periods recomputed; `undefined` where all were. */
  readonly periods?: readonly string[] | undefined;
}

const MAX_REPORTED_PERIODS = 24;
export const reportedPeriods = (periods: readonly string[]): string[] =>
  periods.slice(0, MAX_REPORTED_PERIODS);

/** The relation if it can be carried on from where it stands. */
const findCarriedOn = async (
  connection: CommonQueryMethods,
  { model, run }: ModelInput,
): Promise<TrackedRelation | undefined> => {
  const fullRefresh = model.config.full_refresh ?? run.full_refresh;
  if (fullRefresh === true || !isTracked(model.materialized)) return undefined;
  const tracked = await findRelation(connection, model.relation);
  if (tracked?.materialized !== model.materialized) return undefined;
  const { type } = await describeRelation(connection, model.relation);
  if (type !== 'table') return undefined;
  return (await hasNothingToGoBy(connection, model)) ? undefined : tracked;
};

/**
 * A model without progress goes by what its relation holds, as in `> (select max(_loaded_at) from {{ this }})`: of an
 * empty one it would get NULL, and nothing would ever come. It begins anew.
 */
const hasNothingToGoBy = async (
  connection: CommonQueryMethods,
  { consumes, relation }: ManifestModel,
): Promise<boolean> =>
  consumes.datasets.length + consumes.models.length === 0 &&
  !(await connection.exists(
    sql.typeAlias('void')`select from ${sql.identifier([relation.schema, relation.name])}`,
  ));

const render = (
  connection: CommonQueryMethods,
  input: ModelInput,
  incremental: boolean,
): Promise<Rendered> => {
  const { manifest, run, model, database, warehouse } = input;
  const of = { manifest, run, vars: run.vars, target: { database, warehouse } };
  return renderFor(connection, of, { node: model, incremental });
};

const configOf = ({ model }: ModelInput, rendered: Rendered): MaterializationConfig =>
  parseModelConfig(relationKey(model.relation), { ...rendered.config, materialized: model.materialized });

/** The names of settings that a relation was built with otherwise. */
const reshaped = (
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => canonicalJson(before[name] ?? null) !== canonicalJson(now[name] ?? null),
  );

/** Anew, unless the model says that this must never be. @throws MODEL_INVALID */
const mayRebuild = ({ model }: ModelInput, why: string): void => {
  if (model.config.full_refresh === false)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${relationKey(model.relation)}: ${why}, so it has to be built anew, which full_refresh=false forbids`,
    );
};

/** What there is to be merged into the relation. @throws {@link RebuildNeeded} */
const mergeRendered = async (
  connection: CommonQueryMethods,
  input: ModelInput,
  tracked: TrackedRelation,
): Promise<{ effect: ModelEffect; readsAll: boolean }> => {
  const rendered = await render(connection, input, true);
  const config = configOf(input, rendered) as TrackedConfig;
  const changed = tracked.config === null ? [] : reshaped(tracked.config, shapeOf(config));
  if (changed.length > 0) {
    mayRebuild(input, `${changed.join(', ')} changed`);
    throw new RebuildNeeded();
  }
  try {
    const effect = await merge(connection, input, { config, rendered, tracked, backfill: false });
    return { effect, readsAll: false };
  } catch (error) {
    if (!(error instanceof BackfillNeeded)) throw error;
  }
  await dropStaged(connection);
  await needParents(connection, input);
  const all = await render(connection, input, false);
  const effect = await merge(connection, input, { config, rendered: all, tracked, backfill: true });
  return { effect, readsAll: true };
};

/**
 * Where each upstream stands that the model consumes. Of datasets: where they stood when the run was planned; for who
 * reads everything, where they stand in this transaction's snapshot.
 */
const upstreamPositions = async (
  connection: CommonQueryMethods,
  { manifest, model, run }: ModelInput,
  { readsAll }: { readonly readsAll: boolean },
): Promise<{ upstream: string; position: bigint }[]> => {
  const positions = [];
  for (const dataset of model.consumes.datasets)
    positions.push({
      upstream: datasetUpstream(dataset),
      position: await inputPosition(connection, readsAll ? undefined : run.run_id, dataset),
    });
  for (const id of model.consumes.models) {
    const { relation, materialized } = manifest.nodes[id] as ManifestModel;
    if (!isTracked(materialized))
      throw new StrataError(
        'MODEL_INVALID',
        `Model ${model.name}: changes() of ${relationKey(relation)}, which as ${materialized} keeps no change feed`,
      );
    const tracked = await findRelation(connection, relation);
    positions.push({ upstream: relationUpstream(relation), position: BigInt(tracked?.version ?? 0) });
  }
  return positions;
};

const buildAnew = async (connection: CommonQueryMethods, input: ModelInput): Promise<ModelEffect> => {
  const { model } = input;
  await needParents(connection, input);
  const rendered = await render(connection, input, false);
  const config = configOf(input, rendered);
  const label = relationKey(model.relation);
  const before = await findRelation(connection, model.relation);
  const rows = await materialize(connection, { label, relation: model.relation, sql: rendered.sql }, config);
  await saveRelation(connection, model.relation, {
    nodeId: model.id,
    materialized: config.materialized,
    version: BigInt(before?.version ?? 0) + 1n,
    reset: true,
    config: shapeOf(config),
  });
  await checkAllKept(connection, { model, run: input.run, config, rows, isAll: true });
  return { rows };
};

const materialize = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  config: MaterializationConfig,
): Promise<RowCounts | undefined> => {
  switch (config.materialized) {
    case 'view':
      await buildView(connection, input);
      return undefined;
    case 'table':
      return buildTable(connection, input, config);
    case 'incremental':
    case 'scd2':
    case 'by_period':
      return buildTracked(connection, input, config);
    default:
      return assertNever(config);
  }
};

interface Merge {
  readonly config: TrackedConfig;
  readonly rendered: Rendered;
  readonly tracked: TrackedRelation;
  /** Whether all rows were rendered, to fill columns that are new. */
  readonly backfill: boolean;
}

const merge = async (
  connection: CommonQueryMethods,
  input: ModelInput,
  { config, rendered, tracked, backfill }: Merge,
): Promise<ModelEffect> => {
  const { model } = input;
  const { affectedPeriods, sql } = rendered;
  const label = relationKey(model.relation);
  const rows = await mergeChanges(
    connection,
    { label, relation: model.relation, sql, nodeId: model.id, tracked, affectedPeriods, backfill },
    config,
  );
  await checkAllKept(connection, { model, run: input.run, config, rows, isAll: backfill });
  return { rows, periods: config.materialized === 'by_period' ? affectedPeriods : undefined };
};

const carryOnOrBuild = async (
  connection: CommonQueryMethods,
  input: ModelInput,
): Promise<{ effect: ModelEffect; readsAll: boolean }> => {
  const tracked = await findCarriedOn(connection, input);
  if (tracked) {
    try {
      return await mergeRendered(connection, input, tracked);
    } catch (error) {
      if (!(error instanceof RebuildNeeded)) throw error;
    }
    await dropStaged(connection);
  }
  return { effect: await buildAnew(connection, input), readsAll: true };
};

/**
 * Runs a model within the caller's transaction (REPEATABLE READ, so that what it reads and where it says it has read
 * to are the same moment) and under its relation's lock. Its progress is part of the transaction.
 */
export const runModel = async (connection: CommonQueryMethods, input: ModelInput): Promise<ModelEffect> => {
  const { effect, readsAll } = await carryOnOrBuild(connection, input);
  const positions = await upstreamPositions(connection, input, { readsAll });
  await saveProgress(connection, input.model.relation, positions);
  if (!readsAll) await keepBasis(connection, { ...input, effect });
  return effect;
};

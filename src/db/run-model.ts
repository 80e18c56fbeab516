import type { CommonQueryMethods } from 'slonik';
import {
  isTracked,
  isTrackedConfig,
  type MaterializationConfig,
  parseModelConfig,
  type TrackedConfig,
} from '../compiler/materializations/model-config';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import { assertNever } from '../domain/assert-never';
import { StrataError } from '../domain/errors';
import type { RowCounts } from '../wire/transform';
import { buildTable, buildTracked, buildView } from './build-model';
import { describeRelation, inputPosition, type Rendered, RebuildNeeded, renderWithDatabase } from './facts';
import { mergeChanges } from './merge-changes';
import {
  datasetUpstream,
  findRelation,
  keepProgressOnly,
  relationKey,
  relationUpstream,
  saveProgress,
  saveRelation,
} from './relations';
import type { Run } from './runs';

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

/** Whether the model's relation can be carried on from where it stands. */
const canBeIncremental = async (
  connection: CommonQueryMethods,
  { model, run }: ModelInput,
): Promise<boolean> => {
  const fullRefresh = model.config.full_refresh ?? run.full_refresh;
  if (fullRefresh === true || !isTracked(model.materialized)) return false;
  const tracked = await findRelation(connection, model.relation);
  if (tracked?.materialized !== model.materialized) return false;
  return (await describeRelation(connection, model.relation)).type === 'table';
};

const render = (connection: CommonQueryMethods, input: ModelInput, incremental: boolean): Promise<Rendered> =>
  renderWithDatabase(connection, {
    manifest: input.manifest,
    node: input.model,
    runId: input.run.run_id,
    context: {
      vars: input.run.vars,
      incremental,
      invocation: { runId: input.run.run_id, startedAt: input.run.started_at },
      target: { database: input.database, warehouse: input.warehouse },
    },
  });

const renderModel = async (
  connection: CommonQueryMethods,
  input: ModelInput,
): Promise<{ rendered: Rendered; incremental: boolean }> => {
  if (await canBeIncremental(connection, input)) {
    try {
      return { rendered: await render(connection, input, true), incremental: true };
    } catch (error) {
      if (!(error instanceof RebuildNeeded)) throw error;
    }
  }
  return { rendered: await render(connection, input, false), incremental: false };
};

/** Where each upstream stands that the model consumes: read before its SQL runs, kept when that is done. */
const upstreamPositions = async (
  connection: CommonQueryMethods,
  { manifest, model, run }: ModelInput,
): Promise<{ upstream: string; position: bigint }[]> => {
  const positions = [];
  for (const dataset of model.consumes.datasets)
    positions.push({
      upstream: datasetUpstream(dataset),
      position: await inputPosition(connection, run.run_id, dataset),
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

const buildAnew = async (
  connection: CommonQueryMethods,
  { model }: ModelInput,
  build: { config: MaterializationConfig; sql: string },
): Promise<ModelEffect> => {
  const label = relationKey(model.relation);
  const { config } = build;
  const input = { label, relation: model.relation, sql: build.sql };
  const before = await findRelation(connection, model.relation);
  const effect = await materialize(connection, input, config);
  await saveRelation(connection, model.relation, {
    nodeId: model.id,
    materialized: config.materialized,
    version: BigInt(before?.version ?? 0) + 1n,
    reset: true,
  });
  return effect;
};

const materialize = async (
  connection: CommonQueryMethods,
  input: { label: string; relation: ManifestModel['relation']; sql: string },
  config: MaterializationConfig,
): Promise<ModelEffect> => {
  const inserted = (rows: number): ModelEffect => ({ rows: { inserted: rows, updated: 0, deleted: 0 } });
  switch (config.materialized) {
    case 'view':
      await buildView(connection, input);
      return {};
    case 'table':
      return inserted(await buildTable(connection, input, config));
    case 'incremental':
    case 'scd2':
    case 'by_period':
      return inserted(await buildTracked(connection, input, config));
    default:
      return assertNever(config);
  }
};

const merge = async (
  connection: CommonQueryMethods,
  { model }: ModelInput,
  { config, rendered }: { config: TrackedConfig; rendered: Rendered },
): Promise<ModelEffect> => {
  const label = relationKey(model.relation);
  const { affectedPeriods } = rendered;
  const rows = await mergeChanges(
    connection,
    { label, relation: model.relation, sql: rendered.sql, nodeId: model.id, affectedPeriods },
    config,
  );
  return { rows, periods: config.materialized === 'by_period' ? affectedPeriods : undefined };
};

/**
 * Runs a model within the caller's transaction (REPEATABLE READ, so that what it reads and where it says it has read
 * to are the same moment) and under its relation's lock. Its progress is part of the transaction.
 */
export const runModel = async (connection: CommonQueryMethods, input: ModelInput): Promise<ModelEffect> => {
  const positions = await upstreamPositions(connection, input);
  const { rendered, incremental } = await renderModel(connection, input);
  const config = parseModelConfig(relationKey(input.model.relation), {
    ...rendered.config,
    materialized: input.model.materialized,
  });
  const effect =
    incremental && isTrackedConfig(config)
      ? await merge(connection, input, { config, rendered })
      : await buildAnew(connection, input, { config, sql: rendered.sql });
  await keepProgressOnly(
    connection,
    input.model.relation,
    positions.map((p) => p.upstream),
  );
  for (const position of positions) await saveProgress(connection, input.model.relation, position);
  return effect;
};

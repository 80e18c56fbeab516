import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import { isTracked } from '../compiler/materializations/model-config';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import { shadowManifest, shadowRelation } from '../compiler/shadow';
import { StrataError } from '../domain/errors';
import { inputPosition, RebuildNeeded, renderFor } from './facts';
import { labelOf } from './plan-run';
import { datasetUpstream, findProgress, findRelation, relationUpstream } from './relations';
import type { Run } from './runs';

export interface StandingInput {
  readonly manifest: Manifest;
  readonly model: ManifestModel;
  readonly run: Run;
  /** Ids of the models that the run has rebuilt as shadows, or will. */
  readonly selected: ReadonlySet<string>;
  readonly target: { readonly database: string; readonly warehouse: string };
}

const interrupted = ({ model }: StandingInput, why: string): StrataError =>
  new StrataError('VERIFY_INTERRUPTED', `${labelOf(model)}: ${why} while it was verified`);

const modelsOf = (
  { manifest, model }: StandingInput,
  passes: (m: ManifestModel) => boolean,
): ManifestModel[] => {
  const found = new Map<string, ManifestModel>();
  const visit = (from: ManifestModel): void => {
    for (const id of from.dependsOn) {
      const parent = manifest.nodes[id];
      if (parent?.kind !== 'model' || found.has(id)) continue;
      found.set(id, parent);
      if (passes(parent)) visit(parent);
    }
  };
  visit(model);
  return [...found.values()];
};

const isPartOfReaders = ({ materialized }: ManifestModel): boolean =>
  materialized === 'ephemeral' || materialized === 'view';

const OtherRun = z.object({ label: z.string() });

/** Nobody else has run the model, or what it is made of, since this run was planned. */
const checkOtherRuns = async (connection: CommonQueryMethods, input: StandingInput): Promise<void> => {
  const { model, run, selected } = input;
  const ancestors = modelsOf(input, (m) => selected.has(m.id) || isPartOfReaders(m)).map((m) => m.id);
  const other = await connection.maybeOne(sql.type(OtherRun)`
    select m.label from ops.model_run as m
    inner join ops.run as r on r.run_id = ${run.run_id}
    where m.node_id = any(${sql.array([model.id, ...ancestors], 'text')}) and m.run_id <> r.run_id
      and m.state = 'success' and m.finished_at >= r.started_at
    limit 1
  `);
  if (other) throw interrupted(input, `another run wrote ${other.label}`);
};

/** It has consumed exactly what this run was to consume. */
const checkProgress = async (connection: CommonQueryMethods, input: StandingInput): Promise<void> => {
  const { manifest, model, run } = input;
  for (const dataset of model.consumes.datasets) {
    const progress = await findProgress(connection, model.relation, datasetUpstream(dataset));
    if (progress !== (await inputPosition(connection, run.run_id, dataset)))
      throw interrupted(input, `its progress in dataset ${dataset} changed`);
  }
  for (const id of model.consumes.models) {
    const { relation } = manifest.nodes[id] as ManifestModel;
    const progress = await findProgress(connection, model.relation, relationUpstream(relation));
    const tracked = await findRelation(connection, relation);
    if (progress?.toString() !== tracked?.version)
      throw interrupted(input, `${relation.schema}.${relation.name} changed`);
  }
};

const Moved = z.object({ dataset: z.string() });

/** Datasets of which more is published than this run was to consume. */
const movedDatasets = async (connection: CommonQueryMethods, run: Run): Promise<ReadonlySet<string>> =>
  new Set(
    await connection.anyFirst(sql.type(Moved)`
      select i.dataset from ops.run_input as i
      where i.run_id = ${run.run_id}
        and exists (select from ops.load as l where l.dataset = i.dataset and l.position > i.position)
    `),
  );

const datasetsOf = (manifest: Manifest, models: readonly ManifestModel[]): string[] =>
  models.flatMap((m) => m.dependsOn.flatMap((id) => manifest.sources[id]?.dataset ?? []));

const Built = z.object({ built: z.boolean() });

const mayBeBuiltAnew = (connection: CommonQueryMethods, { model, run }: StandingInput): Promise<boolean> =>
  connection.exists(sql.type(Built)`
    select true as built from ops.relation as m
    inner join ops.run as r on r.run_id = ${run.run_id}
    where m.relation = ${labelOf(model)} and m.version = m.reset_version and m.updated_at >= r.started_at
  `);

/** Whether an incremental run reads a source otherwise than by `unconsumed()`, which here has nothing to give. */
const readsPlainly = async (connection: CommonQueryMethods, input: StandingInput): Promise<boolean> => {
  const { manifest, model, run, target } = input;
  try {
    const rendered = await renderFor(
      connection,
      { manifest: shadowManifest(manifest, run.run_id, new Set()), run, vars: run.vars, target },
      { node: model, incremental: true },
    );
    return Object.values(manifest.sources).some((source) => {
      const name = relationSql(shadowRelation(run.run_id, source.relation));
      return rendered.sql.replaceAll(`(select * from ${name} where false)`, '').includes(name);
    });
  } catch (error) {
    if (error instanceof RebuildNeeded) return true;
    throw error;
  }
};

/**
 * A model that reads a source as a whole has read all that was published when it ran, which may be more than this run
 * pinned; one that reads by `unconsumed()` only, and was not built anew, has not.
 */
const checkBeyondPin = async (connection: CommonQueryMethods, input: StandingInput): Promise<void> => {
  const { manifest, model, run } = input;
  const moved = await movedDatasets(connection, run);
  const inlined = modelsOf(input, isPartOfReaders).filter(isPartOfReaders);
  const reads = (models: readonly ManifestModel[]): boolean =>
    datasetsOf(manifest, models).some((dataset) => moved.has(dataset));
  if (!reads([model, ...inlined])) return;
  const plainly =
    !isTracked(model.materialized) ||
    reads(inlined.filter((m) => m.materialized === 'view')) ||
    (await mayBeBuiltAnew(connection, input)) ||
    (await readsPlainly(connection, input));
  if (plainly) throw interrupted(input, 'more was published of a source that it reads');
};

/**
 * Sees that the model stands where this run left it, so that what differs from its shadow is a difference.
 * @throws VERIFY_INTERRUPTED
 */
export const checkStanding = async (connection: CommonQueryMethods, input: StandingInput): Promise<void> => {
  await checkOtherRuns(connection, input);
  await checkProgress(connection, input);
  await checkBeyondPin(connection, input);
};

import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { nameHash } from '../compiler/identifiers';
import type { Manifest, ManifestModel, RelationName } from '../compiler/manifest';
import { parseModelConfig } from '../compiler/materializations/model-config';
import { parentsOf } from '../compiler/parents-of';
import { shadowManifest, shadowRelation } from '../compiler/shadow';
import { StrataError } from '../domain/errors';
import type { NodeResult, RunNodeInput } from '../wire/transform';
import { liveShadow } from './archived-shadow';
import { explainModelError } from './explain-model-error';
import { renderFor } from './facts';
import { existingRelations, holdRelations } from './hold-relations';
import { needParents } from './need-archived';
import { withNodeSession } from './node-session';
import { describeNode, labelOf } from './plan-run';
import { loadPlan } from './plans';
import { relationKey } from './relations';
import { getRun, type Run } from './runs';
import { findVerifications, recordVerification, type RecordedVerification } from './verifications';
import { compareWithShadow } from './verify-compare';
import { buildShadow, prepareShadow } from './verify-shadow';
import { checkStanding } from './verify-standing';
import { checkDatabaseUuid } from './warehouse';

export interface VerifyNodeDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
}

export interface VerifyNodeRequest extends RunNodeInput {
  /** Aborted: the statement that runs is cancelled, the transaction rolls back. */
  readonly signal: AbortSignal;
}

interface Work {
  readonly deps: VerifyNodeDeps;
  readonly request: VerifyNodeRequest;
  readonly manifest: Manifest;
  readonly model: ManifestModel;
  readonly run: Run;
  readonly selected: ReadonlySet<string>;
}

const NodeId = z.object({ node_id: z.string() });

/** The models that this run has run: what it verifies. */
const selectedModels = async (pool: DatabasePool, runId: string): Promise<ReadonlySet<string>> =>
  new Set(
    await pool.anyFirst(sql.type(NodeId)`
      select node_id from ops.model_run where run_id = ${runId} and kind = 'model' and state = 'success'
    `),
  );

/** The relations that stand and are read: the model's own, and those of its parents that have no shadow. */
const standingRelations = ({ manifest, model, selected }: Work): RelationName[] => [
  model.relation,
  ...parentsOf(manifest, model)
    .filter(({ id }) => !selected.has(id))
    .map(({ relation }) => relation),
];

const rebuildAndCompare = async (
  transaction: DatabaseTransactionConnection,
  { deps, manifest, model, run, selected }: Work,
  database: string,
): Promise<Pick<RecordedVerification, 'verification' | 'unequal'>> => {
  const target = { database, warehouse: deps.warehouse };
  await needParents(transaction, { manifest, model, except: selected });
  await checkStanding(transaction, { manifest, model, run, selected, target });
  const shadows = shadowManifest(manifest, run.run_id, selected);
  const rendered = await renderFor(
    transaction,
    { manifest: shadows, run, vars: run.vars, target },
    { node: shadows.nodes[model.id] as ManifestModel, incremental: false },
  );
  const label = relationKey(model.relation);
  const config = parseModelConfig(label, { ...rendered.config, materialized: model.materialized });
  const shadow = shadowRelation(run.run_id, model.relation);
  await buildShadow(transaction, { label, shadow, sql: rendered.sql, config });
  const expected = await liveShadow(transaction, { relation: model.relation, shadow, config });
  return compareWithShadow(transaction, { expected, actual: model.relation }, config);
};

const inTransaction = async (
  transaction: DatabaseTransactionConnection,
  work: Work,
  { database, standing }: { database: string; standing: readonly RelationName[] },
): Promise<RecordedVerification> => {
  const { request, model, run } = work;
  const startedAt = Date.now();
  await transaction.query(sql.typeAlias('void')`set transaction isolation level repeatable read`);
  await holdRelations(transaction, standing);
  await checkDatabaseUuid(transaction, request.databaseUuid);
  const done = (await findVerifications(transaction, run.run_id)).find((v) => v.nodeId === model.id);
  if (done) return done;
  const recorded = {
    nodeId: model.id,
    relation: relationKey(model.relation),
    ...(await rebuildAndCompare(transaction, work, database)),
    durationMs: Date.now() - startedAt,
  };
  await recordVerification(transaction, run.run_id, recorded);
  return recorded;
};

const toResult = (
  { request, model }: Work,
  { verification, durationMs }: RecordedVerification,
): NodeResult => ({
  nodeId: model.id,
  ...describeNode(model),
  state: 'success',
  durationMs,
  attempts: request.attempt,
  verification,
});

const verify = (work: Work): Promise<RecordedVerification> => {
  const { deps, request, model, run, manifest } = work;
  const name = `strata verify ${nameHash(JSON.stringify([request.runId, request.nodeId]))}`;
  const lock = relationKey(shadowRelation(run.run_id, model.relation));
  return withNodeSession(deps.pool, { name, lock, signal: request.signal }, async (connection, database) => {
    await prepareShadow(connection, { runId: run.run_id, manifest });
    const standing = await existingRelations(connection, standingRelations(work));
    return connection.transaction((transaction) => inTransaction(transaction, work, { database, standing }));
  });
};

/**
 * Rebuilds a model that this run has run into the run's shadow schema, and compares it with the relation as it stands.
 * Writes only there and in `ops.verification`. A difference is a result, no error. Idempotent per run and node.
 * @throws VERIFY_INTERRUPTED when the relation no longer stands where this run left it; what a build throws
 */
export const verifyNode = async (deps: VerifyNodeDeps, request: VerifyNodeRequest): Promise<NodeResult> => {
  request.signal.throwIfAborted();
  const run = await getRun(deps.pool, request.runId);
  const manifest = await loadPlan(deps.pool, run.plan_hash);
  const selected = await selectedModels(deps.pool, run.run_id);
  const model = manifest.nodes[request.nodeId];
  if (model?.kind !== 'model')
    throw new StrataError('PLAN_UNKNOWN', `Plan ${run.plan_hash} has no model ${request.nodeId}`);
  const work = { deps, request, manifest, model, run, selected };
  try {
    return toResult(work, await verify(work));
  } catch (error) {
    throw explainModelError(error, labelOf(model));
  }
};

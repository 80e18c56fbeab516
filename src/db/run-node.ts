import type { DatabasePool, DatabasePoolConnection, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import type { Manifest, ManifestNode, RelationName } from '../compiler/manifest';
import { parentsOf } from '../compiler/parents-of';
import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import type { NodeResult, RunNodeInput } from '../wire/transform';
import { ensureSchema } from './ensure-schema';
import { explainModelError } from './explain-model-error';
import { existingRelations, holdRelations } from './hold-relations';
import { beginAttempt, checkAttempt, type NodeAttempt, nodeSessionName } from './node-attempt';
import { withNodeSession } from './node-session';
import { describeNode, labelOf } from './plan-run';
import { loadPlan } from './plans';
import { relationKey } from './relations';
import { type ModelEffect, reportedPeriods, runModel } from './run-model';
import { findNodeResult, getRun, recordNodeResult, type Run } from './runs';
import { runTest } from './run-test';
import { liftSuspensions } from './suspensions';
import { checkDatabaseUuid } from './warehouse';

export interface RunNodeDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
}

export interface RunNodeRequest extends RunNodeInput {
  /** Who delivers this attempt; default: the run itself, for the first time. */
  readonly delivery?: { readonly execution: string; readonly number: number };
  /** Aborted: the statement that runs is cancelled, the transaction rolls back. */
  readonly signal: AbortSignal;
}

interface Work {
  readonly deps: RunNodeDeps;
  readonly request: RunNodeRequest;
  readonly manifest: Manifest;
  readonly node: ManifestNode;
  readonly run: Run;
  readonly attempt: NodeAttempt;
}

const base = ({ node, request }: Work, startedAt: number) => ({
  nodeId: node.id,
  ...describeNode(node),
  durationMs: Date.now() - startedAt,
  attempts: request.attempt,
});

const modelResult = (work: Work, startedAt: number, { rows, periods }: ModelEffect): NodeResult => ({
  ...base(work, startedAt),
  state: 'success',
  ...(rows ? { rows } : {}),
  ...(periods ? { periods: reportedPeriods(periods), periodCount: periods.length } : {}),
});

const testResult = (work: Work, startedAt: number, failures: number): NodeResult => ({
  ...base(work, startedAt),
  state: failures === 0 ? 'success' : 'warn',
  ...(failures === 0 ? {} : { message: countOf(failures, 'row fails', 'rows fail') }),
});

/** The effect and its record, in one transaction. A result that is already there is returned, nothing is done twice. */
const inTransaction = async (
  transaction: DatabaseTransactionConnection,
  work: Work,
  { database, parents }: { readonly database: string; readonly parents: readonly RelationName[] },
): Promise<NodeResult> => {
  const { deps, request, manifest, node, run } = work;
  const startedAt = Date.now();
  await transaction.query(sql.typeAlias('void')`set transaction isolation level repeatable read`);
  await holdRelations(transaction, parents);
  await checkDatabaseUuid(transaction, request.databaseUuid);
  const done = await findNodeResult(transaction, { runId: run.run_id, nodeId: node.id, name: node.name });
  if (done) return done;
  const common = { manifest, run, warehouse: deps.warehouse, database };
  const result =
    node.kind === 'model'
      ? modelResult(work, startedAt, await runModel(transaction, { ...common, model: node }))
      : testResult(work, startedAt, await runTest(transaction, { ...common, test: node }));
  const isSuspended = await recordNodeResult(transaction, run.run_id, result);
  if (isSuspended) await liftSuspensions(transaction, [node.id], { because: 'succeeded' });
  request.signal.throwIfAborted();
  await checkAttempt(transaction, work.attempt);
  return result;
};

/** One writer per relation. */
const underLock = (work: Work): Promise<NodeResult> => {
  const { deps, request, node } = work;
  const { signal } = request;
  const lock = node.kind === 'model' ? relationKey(node.relation) : node.id;
  const name = nodeSessionName(work.attempt);
  const begin = (connection: DatabasePoolConnection): Promise<void> => beginAttempt(connection, work.attempt);
  return withNodeSession(deps.pool, { name, lock, signal, begin }, async (connection, database) => {
    if (node.kind === 'model') await ensureSchema(connection, node);
    const read = parentsOf(work.manifest, node).map((parent) => parent.relation);
    const parents = await existingRelations(connection, read);
    return connection.transaction((transaction) => inTransaction(transaction, work, { database, parents }));
  });
};

/**
 * Runs one node of a planned run. Idempotent per run and node: a retry after "committed, but the answer got lost"
 * returns what was committed.
 * @throws MODEL_FAILED, MODEL_COMPILE_FAILED, MODEL_INVALID, KEY_NULL, KEY_DUPLICATE, TEST_FAILED, RELATION_CONFLICT,
 *   DATABASE_REPLACED; transient errors of the database as they come
 */
export const runNode = async (deps: RunNodeDeps, request: RunNodeRequest): Promise<NodeResult> => {
  request.signal.throwIfAborted();
  const run = await getRun(deps.pool, request.runId);
  const manifest = await loadPlan(deps.pool, run.plan_hash);
  const node = manifest.nodes[request.nodeId];
  if (!node) throw new StrataError('PLAN_UNKNOWN', `Plan ${run.plan_hash} has no node ${request.nodeId}`);
  const { execution, number } = request.delivery ?? { execution: request.runId, number: 1 };
  const { runId, nodeId, attempt: attemptNumber } = request;
  const attempt = { runId, nodeId, execution, attempt: attemptNumber, delivery: number };
  try {
    return await underLock({ deps, request, manifest, node, run, attempt });
  } catch (error) {
    throw explainModelError(error, labelOf(node));
  }
};

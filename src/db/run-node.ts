import type { DatabasePool, DatabasePoolConnection, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { Manifest, ManifestNode } from '../compiler/manifest';
import { countOf } from '../domain/conservation';
import { isStrataError, StrataError } from '../domain/errors';
import type { NodeResult, RunNodeInput } from '../wire/transform';
import { nameHash } from '../compiler/identifiers';
import { ensureSchema } from './ensure-schema';
import { labelOf } from './plan-run';
import { loadPlan } from './plans';
import { relationKey } from './relations';
import { type ModelEffect, reportedPeriods, runModel } from './run-model';
import { findNodeResult, getRun, recordNodeResult, type Run } from './runs';
import { runTest } from './run-test';
import { isSqlState, isTransient, serverMessage, sqlStateOf } from './sqlstate';
import { checkDatabaseUuid } from './warehouse';

export interface RunNodeDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
}

export interface RunNodeRequest extends RunNodeInput {
  /** Aborted: the statement that runs is cancelled, the transaction rolls back. */
  readonly signal: AbortSignal;
}

interface Work {
  readonly deps: RunNodeDeps;
  readonly request: RunNodeRequest;
  readonly manifest: Manifest;
  readonly node: ManifestNode;
  readonly run: Run;
}

const SessionRow = z.object({ pid: z.number(), database: z.string() });
const UNIQUE_VIOLATION = new Set(['23505']);
const NOT_NULL_VIOLATION = new Set(['23502']);
const QUERY_CANCELED = new Set(['57014']);

/** An error of the database while a model ran, as what it means for the model's author; transient ones stay as they are. */
const explain = (error: unknown, label: string): unknown => {
  if (isStrataError(error) || sqlStateOf(error) === undefined) return error;
  const said = serverMessage(error);
  if (isSqlState(error, UNIQUE_VIOLATION))
    return new StrataError('KEY_DUPLICATE', `${label}: ${said}`, { cause: error });
  if (isSqlState(error, NOT_NULL_VIOLATION))
    return new StrataError('KEY_NULL', `${label}: ${said}`, { cause: error });
  if (isTransient(error) && !isSqlState(error, QUERY_CANCELED)) return error;
  return new StrataError('MODEL_FAILED', `${label}: ${said} (SQLSTATE ${sqlStateOf(error)})`, {
    cause: error,
  });
};

/** Cancels what a backend runs when the signal is aborted. Returns what ends the watch. */
const cancelOnAbort = ({ deps, request }: Work, pid: number): (() => void) => {
  const cancel = (): void => {
    deps.pool.query(sql.typeAlias('void')`select pg_cancel_backend(${pid})`).catch(() => undefined);
  };
  request.signal.addEventListener('abort', cancel, { once: true });
  return () => request.signal.removeEventListener('abort', cancel);
};

const base = ({ node, request }: Work, startedAt: number) => ({
  nodeId: node.id,
  name: node.name,
  label: labelOf(node),
  kind: node.kind,
  materialized: node.kind === 'model' ? node.materialized : 'test',
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

/**
 * The newest attempt at a node is the one that counts: it ends the sessions of earlier ones, which else would hold the
 * lock for as long as their frozen worker stays connected. What they had done is rolled back.
 */
const endEarlierAttempts = async (connection: DatabasePoolConnection, { request }: Work): Promise<void> => {
  const name = `strata node ${nameHash(JSON.stringify([request.runId, request.nodeId]))}`;
  await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  await connection.query(sql.typeAlias('void')`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${name} and datname = current_database() and usename = current_user
      and pid <> pg_backend_pid()
  `);
};

/** The effect and its record, in one transaction. A result that is already there is returned, nothing is done twice. */
const inTransaction = async (
  transaction: DatabaseTransactionConnection,
  work: Work,
  database: string,
): Promise<NodeResult> => {
  const { deps, request, manifest, node, run } = work;
  const startedAt = Date.now();
  await transaction.query(sql.typeAlias('void')`set transaction isolation level repeatable read`);
  await checkDatabaseUuid(transaction, request.databaseUuid);
  const done = await findNodeResult(transaction, { runId: run.run_id, nodeId: node.id, name: node.name });
  if (done) return done;
  const common = { manifest, run, warehouse: deps.warehouse, database };
  const result =
    node.kind === 'model'
      ? modelResult(work, startedAt, await runModel(transaction, { ...common, model: node }))
      : testResult(work, startedAt, await runTest(transaction, { ...common, test: node }));
  await recordNodeResult(transaction, run.run_id, result);
  return result;
};

/**
 * One writer per relation: a session's lock, taken before the transaction begins, so that its snapshot is from after
 * the wait; it dies with the session.
 */
const underLock = async (connection: DatabasePoolConnection, work: Work): Promise<NodeResult> => {
  const { node } = work;
  const lock = node.kind === 'model' ? relationKey(node.relation) : node.id;
  const session = await connection.one(
    sql.type(SessionRow)`select pg_backend_pid() as pid, current_database()::text as database`,
  );
  const endWatch = cancelOnAbort(work, session.pid);
  try {
    await endEarlierAttempts(connection, work);
    await connection.query(sql.typeAlias('void')`select pg_advisory_lock(hashtextextended(${lock}, 0))`);
    work.request.signal.throwIfAborted();
    if (node.kind === 'model') await ensureSchema(connection, node);
    return await connection.transaction((transaction) => inTransaction(transaction, work, session.database));
  } finally {
    endWatch();
    await connection
      .query(sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${lock}, 0))`)
      .catch(() => undefined);
  }
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
  try {
    return await deps.pool.connect((connection) =>
      underLock(connection, { deps, request, manifest, node, run }),
    );
  } catch (error) {
    throw explain(error, labelOf(node));
  }
};

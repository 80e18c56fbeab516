import {
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { QUERY } from '../wire/names';
import {
  type NodeResult,
  type PlannedNode,
  type PlanRunResult,
  TransformInput,
  type TransformResult,
  type TransformStatus,
} from '../wire/transform';
import { finishRun, planRun, runNode } from './activity-options';
import { failureReason, oneLine, originalFailure } from './failure-reason';
import { catalogueFailure, parseInput } from './parse-input';
import { runGraph } from './run-graph';
import { RunProgress } from './run-progress';

const statusQuery = defineQuery<TransformStatus>(QUERY.status);

/**
 * Runs a selection of a project's nodes. Succeeds with every node's result, or fails with RUN_FAILED, which carries
 * the same in its details.
 */
export async function transform(rawInput?: unknown): Promise<TransformResult> {
  const progress = new RunProgress(workflowInfo().runId);
  setHandler(statusQuery, () => progress.status());
  const input = parseInput(TransformInput, rawInput ?? {}, 'input of workflow transform');
  const plan = await planOrFail(input);
  progress.planned(plan);
  let results: NodeResult[];
  try {
    throwIfCancelled();
    results = await runGraph({
      nodes: plan.nodes,
      threads: plan.threads,
      execute: (node) => runWithRetries(plan, node, progress),
      onResult: (result) => progress.ended(result),
    });
  } catch (error) {
    const state = isCancellation(error) ? 'cancelled' : 'failed';
    await CancellationScope.nonCancellable(() => finish(plan, state, progress));
    throw error;
  }
  const state = results.some((result) => result.state === 'failed') ? 'failed' : 'success';
  await CancellationScope.nonCancellable(() => finish(plan, state, progress));
  return concluded({ runId: plan.runId, command: plan.command, state, results });
}

/** Planning is not interrupted: a cancellation during it shows only now. */
const throwIfCancelled = (): void => {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Workflow cancelled');
};

const planOrFail = async (input: TransformInput): Promise<PlanRunResult> => {
  try {
    return await planRun(input);
  } catch (error) {
    throw originalFailure(error);
  }
};

const finish = async (
  plan: PlanRunResult,
  state: 'success' | 'failed' | 'cancelled',
  progress: RunProgress,
): Promise<void> => {
  progress.finished(state);
  const { runId, databaseUuid } = plan;
  try {
    await finishRun({ runId, databaseUuid, state, results: progress.results() });
  } catch (error) {
    // A database that was replaced has no record of this run; the nodes' own failures say so.
    if (state === 'success') throw originalFailure(error);
  }
};

const concluded = (result: TransformResult): TransformResult => {
  if (result.state === 'success') return result;
  const failed = result.results.filter((r) => r.state === 'failed');
  const first = failed[0];
  const message =
    `${failed.length} of ${result.results.length} nodes failed` +
    (first === undefined ? '' : `: ${first.label}: ${first.message ?? 'no message'}`);
  throw catalogueFailure('RUN_FAILED', oneLine(message), [result]);
};

/** Runs a node; when it fails, again after a pause, as often as the plan says. Waiting for infrastructure is no try. */
const runWithRetries = async (
  plan: PlanRunResult,
  node: PlannedNode,
  progress: RunProgress,
): Promise<NodeResult> => {
  const tries = plan.retries + 1;
  const startedAt = Date.now();
  for (let attempt = 1; ; attempt++) {
    progress.started(node.id, attempt);
    const result = await tryNode(plan, node, attempt);
    if (!('reason' in result)) return result;
    const { reason } = result;
    if (!reason.retryable || attempt >= tries)
      return failedResult(node, reason.message, attempt, Date.now() - startedAt);
    progress.retrying(node.id, reason.message);
    await sleep(plan.retryIntervalMs, {
      summary: `${node.label} failed, try ${attempt + 1} of ${tries} follows`,
    });
  }
};

const tryNode = async (
  { runId, databaseUuid }: PlanRunResult,
  node: PlannedNode,
  attempt: number,
): Promise<NodeResult | { reason: ReturnType<typeof failureReason> }> => {
  const again = attempt === 1 ? '' : `, try ${attempt}`;
  const summary = `${node.label} (${node.materialized})${again}`;
  try {
    const input = { runId, databaseUuid, nodeId: node.id, attempt };
    return { ...(await runNode.executeWithOptions({ summary }, [input])), attempts: attempt };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { reason: failureReason(error) };
  }
};

const failedResult = (
  { id, name, label, kind, materialized }: PlannedNode,
  message: string,
  attempts: number,
  durationMs: number,
): NodeResult => ({
  nodeId: id,
  name,
  label,
  kind,
  materialized,
  state: 'failed',
  durationMs,
  attempts,
  message,
});

import type { Priority } from '@temporalio/common';
import { isCancellation, sleep } from '@temporalio/workflow';
import type { NodeResult, PlannedNode, PlanRunResult, RunNodeInput } from '../wire/transform';
import { type FailureReason, failureReason } from './failure-reason';
import type { RunProgress } from './run-progress';

/** An activity that does one try of one node. */
interface TryNode {
  executeWithOptions(
    options: { summary: string; priority: Priority },
    args: [RunNodeInput],
  ): Promise<NodeResult>;
}

export interface NodeWork {
  readonly plan: PlanRunResult;
  readonly activity: TryNode;
  /** What is done, for the history: `verify`, say; a run's own work needs no word. */
  readonly verb?: string | undefined;
  readonly progress: RunProgress;
  readonly priority: Priority;
  /** Told of each failed try; may throw to end the whole run. */
  readonly onFailure?: (node: PlannedNode, reason: FailureReason) => void;
}

/** Runs a node; when it fails, again after a pause, as often as the plan says. Waiting for infrastructure is no try. */
export const runWithRetries = async (work: NodeWork, node: PlannedNode): Promise<NodeResult> => {
  const { plan, progress } = work;
  const tries = plan.retries + 1;
  const startedAt = Date.now();
  for (let attempt = 1; ; attempt++) {
    progress.started(node.id, attempt);
    const result = await tryNode(work, node, attempt);
    if (!('reason' in result)) return result;
    const { reason } = result;
    work.onFailure?.(node, reason);
    if (!reason.retryable || attempt >= tries)
      return failedResult(node, reason, { attempts: attempt, durationMs: Date.now() - startedAt });
    progress.retrying(node.id, reason.message);
    await sleep(plan.retryIntervalMs, {
      summary: `${node.label} failed, try ${attempt + 1} of ${tries} follows`,
    });
  }
};

const tryNode = async (
  { plan, activity, verb, priority }: NodeWork,
  node: PlannedNode,
  attempt: number,
): Promise<NodeResult | { reason: FailureReason }> => {
  const { runId, databaseUuid } = plan;
  const again = attempt === 1 ? '' : `, try ${attempt}`;
  const what = verb === undefined ? '' : `${verb} `;
  const summary = `${what}${node.label} (${node.materialized})${again}`;
  try {
    const input = { runId, databaseUuid, nodeId: node.id, attempt };
    return { ...(await activity.executeWithOptions({ summary, priority }, [input])), attempts: attempt };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { reason: failureReason(error) };
  }
};

const failedResult = (
  { id, name, label, kind, materialized }: PlannedNode,
  { code, message, sqlState }: FailureReason,
  spent: Pick<NodeResult, 'attempts' | 'durationMs'>,
): NodeResult => ({
  nodeId: id,
  name,
  label,
  kind,
  materialized,
  state: 'failed',
  ...spent,
  message,
  errorCode: code,
  ...(sqlState === undefined ? {} : { sqlState }),
});

import type { Priority } from '@temporalio/common';
import {
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { isAskersMistake, planningConditions } from '../domain/run-findings';
import { failedWorkflowConditions } from '../domain/workflow-findings';
import { priorityOf } from '../domain/priority';
import type { Condition } from '../wire/alerts';
import { QUERY } from '../wire/names';
import type {
  FinishRunInput,
  NodeResult,
  PlanRunResult,
  SuspendedNode,
  TransformInput,
  TransformPlan,
  TransformResult,
  TransformStatus,
} from '../wire/transform';
import { finishRun, planRun, runNode } from './activity-options';
import { type FailureReason, failureReason, oneLine, originalFailure } from './failure-reason';
import { ownPriority } from './own-priority';
import { catalogueFailure } from './parse-input';
import { ALERTS, raiseAlerts } from './raise-alerts';
import { runGraph } from './run-graph';
import { thisWork } from './scheduled-start';
import { RunProgress } from './run-progress';
import { type NodeWork, runWithRetries } from './run-with-retries';
import { VerifyInterrupted, verifyNodes } from './verify-nodes';

const statusQuery = defineQuery<TransformStatus>(QUERY.status);
const planQuery = defineQuery<TransformPlan | null>(QUERY.plan);

/** So often a verification is begun, when others' runs come in between. */
const MAX_ROUNDS = 3;

export interface Execution {
  /** @throws INPUT_INVALID */
  readonly parse: () => TransformInput;
  /** Starts the workflow over with this input, as a run of its own. */
  readonly beginAgain: (input: TransformInput) => Promise<never>;
}

/** One run, from the plan to the record of its end. */
export const executeRun = async ({ parse, beginAgain }: Execution): Promise<TransformResult> => {
  const progress = new RunProgress(workflowInfo().runId);
  setHandler(statusQuery, () => progress.status());
  setHandler(planQuery, () => progress.planOfRun());
  const input = parse();
  const priority = ownPriority(priorityOf(input));
  const plan = await planOrFail(input, priority);
  progress.planned(plan);
  const work: RunWork = { plan, progress, priority };
  let results: NodeResult[];
  try {
    throwIfCancelled();
    results = await executeNodes(work);
  } catch (error) {
    const { round = 1 } = input;
    const again = error instanceof VerifyInterrupted && round < MAX_ROUNDS;
    const state = isCancellation(error) || again ? 'cancelled' : 'failed';
    const message = again ? `begun again: ${oneLine(error.message)}` : messageOf(error);
    await CancellationScope.nonCancellable(() => finish(work, { state, message }));
    if (!(error instanceof VerifyInterrupted)) throw error;
    if (again) return beginAgain({ ...input, planHash: plan.planHash, round: round + 1 });
    throw catalogueFailure('VERIFY_INTERRUPTED', `begun ${round} times, and interrupted: ${error.message}`);
  }
  const state = results.some((result) => result.state === 'failed') ? 'failed' : 'success';
  const suspended = await CancellationScope.nonCancellable(() => finish(work, { state }));
  return concluded({
    runId: plan.runId,
    command: plan.command,
    state,
    results,
    ...(suspended.length > 0 ? { suspended } : {}),
  });
};

type RunWork = Pick<NodeWork, 'plan' | 'progress' | 'priority'>;

const executeNodes = async (work: RunWork): Promise<NodeResult[]> => {
  const { plan, progress } = work;
  const results = await runGraph({
    nodes: plan.nodes,
    threads: plan.threads,
    execute: (node) => runWithRetries({ ...work, activity: runNode }, node),
    onResult: (result) => progress.ended(result),
  });
  const failed = results.some((result) => result.state === 'failed');
  return plan.command === 'verify' && !failed ? verifyNodes(work, results) : results;
};

/** Planning is not interrupted: a cancellation during it shows only now. */
const throwIfCancelled = (): void => {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Workflow cancelled');
};

const planOrFail = async (input: TransformInput, priority: Priority): Promise<PlanRunResult> => {
  try {
    return await planRun.executeWithOptions({ priority }, [input]);
  } catch (error) {
    const conditions = isCancellation(error) ? [] : unplannedConditions(failureReason(error));
    if (conditions.length > 0 && patched(ALERTS)) await raiseAlerts(conditions);
    throw originalFailure(error);
  }
};

/** What a schedule gives wrongly, again and again, nobody sees who asked. */
const unplannedConditions = (reason: FailureReason): Condition[] => {
  const work = thisWork();
  return work.schedule !== undefined && isAskersMistake(reason.code)
    ? failedWorkflowConditions(work, reason, workflowInfo())
    : planningConditions(reason, workflowInfo().runId);
};

const messageOf = (error: unknown): string | undefined =>
  isCancellation(error) ? undefined : failureReason(error).message;

/** Returns the nodes that were suspended for failing once more. */
const finish = async (
  { plan, progress, priority }: RunWork,
  { state, message }: Pick<FinishRunInput, 'state' | 'message'>,
): Promise<SuspendedNode[]> => {
  progress.finished(state);
  const { runId, databaseUuid } = plan;
  try {
    const results = progress.results();
    const end = { runId, databaseUuid, state, results, ...(message === undefined ? {} : { message }) };
    const finished = await finishRun.executeWithOptions({ priority }, [end]);
    await raiseAlerts(finished?.conditions, databaseUuid);
    return finished?.suspended ?? [];
  } catch (error) {
    // A database that was replaced has no record of this run; the nodes' own failures say so.
    if (state === 'success') throw originalFailure(error);
    return [];
  }
};

const concluded = (result: TransformResult): TransformResult => {
  if (result.state === 'success') return result;
  const differing = result.results.filter((r) => r.verification?.equal === false);
  const failed = differing.length > 0 ? differing : result.results.filter((r) => r.state === 'failed');
  const first = failed[0];
  const what = differing.length > 0 ? 'relations differ' : 'nodes failed';
  const message =
    `${failed.length} of ${result.results.length} ${what}` +
    (first === undefined ? '' : `: ${first.label}: ${first.message ?? 'no message'}`);
  const code = differing.length > 0 ? 'VERIFY_MISMATCH' : 'RUN_FAILED';
  throw catalogueFailure(code, oneLine(message), [result]);
};

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  type ChildWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  startChild,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { priorityOf } from '../domain/priority';
import type { FinishedRun } from '../wire/pipeline';
import { transformWorkflowId, WORKFLOW } from '../wire/names';
import { runSummary } from './pipeline-details';
import type { RunEntry } from './run-entry';
import type { RunQueue } from './run-queue';
import type { transform as transformWorkflow } from './transform';

/** Ids of the batches that a run's memo names. */
const MEMO_BATCHES = 100;

type Child = ChildWorkflowHandle<typeof transformWorkflow>;

const start = async (warehouse: string, { number, transform, batchIds }: RunEntry): Promise<Child> =>
  startChild<typeof transformWorkflow>(WORKFLOW.transform, {
    workflowId: transformWorkflowId(warehouse, number),
    args: [transform],
    // A run goes on to its end whatever becomes of the coordinator.
    parentClosePolicy: ParentClosePolicy.ABANDON,
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    staticSummary: runSummary(transform, batchIds),
    memo: { warehouse, batchIds: batchIds.slice(0, MEMO_BATCHES) },
    priority: { priorityKey: priorityOf(transform) },
  });

/**
 * Ids may be taken by the runs of an earlier coordinator, of a database that was dropped, say. Each further attempt
 * goes twice as far, so that thousands of them cost a dozen attempts.
 */
const startUnderFreeNumber = async (warehouse: string, entry: RunEntry, runs: RunQueue): Promise<Child> => {
  for (let step = 1; ; step *= 2) {
    try {
      return await start(warehouse, entry);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      runs.skipNumbers(entry, step);
    }
  }
};

/** Starts the run, tells so, and waits for its end. Never throws: a run that fails is the run's affair. */
export const runChild = async (
  warehouse: string,
  entry: RunEntry,
  runs: RunQueue,
  onStarted: () => void,
): Promise<FinishedRun['state'] | 'not-started'> => {
  let child: Child;
  try {
    child = await startUnderFreeNumber(warehouse, entry, runs);
  } catch (error) {
    if (!isCancellation(error))
      log.warn('A run could not be started', { number: entry.number, error: String(error) });
    return 'not-started';
  }
  const { workflowId, firstExecutionRunId } = child;
  runs.markStarted(entry, { workflowId, firstExecutionRunId });
  onStarted();
  try {
    await child.result();
    return 'success';
  } catch (error) {
    return isCancellation(error) ? 'cancelled' : 'failed';
  }
};

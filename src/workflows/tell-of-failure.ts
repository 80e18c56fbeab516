import { isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import { failedWorkflowConditions } from '../domain/workflow-findings';
import { failureReason, originalFailure } from './failure-reason';
import { ALERTS, raiseAlerts } from './raise-alerts';

/** Whoever did this knows: who gave a wrong input, cancelled the run, or made the database anew. */
const NOT_TOLD: ReadonlySet<string> = new Set(['INPUT_INVALID', 'RUN_CANCELLED', 'DATABASE_REPLACED']);

/**
 * Does the work of a workflow that nobody waits for. What it fails with is told to the alerter, and thrown without
 * Temporal's wrapping.
 */
export const tellOfFailure = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const reason = failureReason(error);
    const isTold = !isCancellation(error) && !NOT_TOLD.has(reason.code);
    const { workflowType, runId, workflowId } = workflowInfo();
    if (isTold && patched(ALERTS))
      await raiseAlerts(failedWorkflowConditions(workflowType, reason, { runId, workflowId }));
    throw originalFailure(error);
  }
};

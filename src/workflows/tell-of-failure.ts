import { isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import { failedWorkflowConditions } from '../domain/workflow-findings';
import { failureReason, originalFailure } from './failure-reason';
import { ALERTS, raiseAlerts } from './raise-alerts';

/**
 * Does the work of a workflow that nobody waits for. What it fails with is told to the alerter, and thrown without
 * Temporal's wrapping; a wrong input is told to nobody, since whoever gave it hears of it.
 */
export const tellOfFailure = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const reason = failureReason(error);
    const isTold = !isCancellation(error) && reason.code !== 'INPUT_INVALID';
    const { workflowType, runId, workflowId } = workflowInfo();
    if (isTold && patched(ALERTS))
      await raiseAlerts(failedWorkflowConditions(workflowType, reason, { runId, workflowId }));
    throw originalFailure(error);
  }
};

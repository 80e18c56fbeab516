import { isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import { failedWorkflowConditions } from '../domain/workflow-findings';
import { failureReason, originalFailure } from './failure-reason';
import { ALERTS, raiseAlerts } from './raise-alerts';
import { thisWork } from './scheduled-start';

/** Whoever did this knows: who cancelled the run, or made the database anew. */
const NOT_TOLD: ReadonlySet<string> = new Set(['RUN_CANCELLED', 'DATABASE_REPLACED']);

/** Who gave a wrong input sees it, unless a schedule gives it, again and again, while nobody looks. */
const isKnown = (code: string, schedule: string | undefined): boolean =>
  NOT_TOLD.has(code) || (code === 'INPUT_INVALID' && schedule === undefined);

/**
 * Does the work of a workflow that nobody waits for, the reading of its input included. What it fails with is told to
 * the alerter, and thrown without Temporal's wrapping.
 */
export const tellOfFailure = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const reason = failureReason(error);
    const failed = thisWork();
    if (!isCancellation(error) && !isKnown(reason.code, failed.schedule) && patched(ALERTS))
      await raiseAlerts(failedWorkflowConditions(failed, reason, workflowInfo()));
    throw originalFailure(error);
  }
};

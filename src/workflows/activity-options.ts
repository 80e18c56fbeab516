import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/contract';

/**
 * Infrastructure comes back: a database that restarts, a worker that is replaced. These waits are without a limit and
 * count for nothing; what can't succeed by waiting is thrown as not retryable (activities/failures.ts).
 */
const untilInfrastructureReturns = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
  maximumAttempts: Number.POSITIVE_INFINITY,
} as const;

/** Cancelling waits until the activity has stopped, so that cleaning up never races with the work. */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** Statements of milliseconds, but they may wait for a lock that a longer transaction holds. */
const shortStep: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** Compiles a project and may make bronze relations: seconds, more on a slow disk. */
const planning: ActivityOptions = {
  startToCloseTimeout: '15 minutes',
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** Deleting the rows of a big file that failed takes minutes. */
const sweeping: ActivityOptions = {
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '30s',
  retry: untilInfrastructureReturns,
  cancellationType,
};

/**
 * As long as a file or a model takes; that the worker lives is seen by its heartbeats, every 2 s, so that another one
 * takes over after 30 s.
 */
const longWork: ActivityOptions = {
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '30s',
  retry: untilInfrastructureReturns,
  cancellationType,
};

export const { acceptBatch, publishBatch, finishRun } = proxyActivities<Activities>(shortStep);
export const { notifyPipeline, planRun } = proxyActivities<Activities>(planning);
export const { failBatch } = proxyActivities<Activities>(sweeping);
export const { loadFile, runNode } = proxyActivities<Activities>(longWork);

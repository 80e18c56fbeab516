import {
  ActivityCancellationType,
  type ActivityInterfaceFor,
  type ActivityOptions,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/contract';
import { hostTaskQueue } from '../wire/names';

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

/**
 * Every activity beats every 2 s (activities/guard.ts): what a worker that was killed had in hand goes to another one
 * after this, however short the step. Without it others would wait for the whole of `startToCloseTimeout`.
 */
const heartbeatTimeout = '15s';

/** Cancelling waits until the activity has stopped, so that cleaning up never races with the work. */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** Statements of milliseconds, but they may wait for a lock that a longer transaction holds. */
const shortStep: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout,
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** Compiles a project and may make bronze relations: seconds, more on a slow disk. */
const planning: ActivityOptions = {
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout,
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** Deleting the rows of a big file that failed, settling a million dead letters, or statistics of all tables: minutes. */
const sweeping: ActivityOptions = {
  startToCloseTimeout: '6 hours',
  heartbeatTimeout,
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** As long as a file or a model takes, or a run waits for its turn; that the worker lives is seen by its heartbeats. */
const longWork: ActivityOptions = {
  startToCloseTimeout: '7 days',
  heartbeatTimeout,
  retry: untilInfrastructureReturns,
  cancellationType,
};

/** Nobody who tells of something wrong waits for long: what can't be told is in the log, and the work goes on. */
const telling: ActivityOptions = {
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
};

/** A try of a message takes as long as its channels may (STRATA_ALERT_TIMEOUT, at most a minute, thrice for a mail). */
const sending: ActivityOptions = {
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout,
  retry: untilInfrastructureReturns,
};

/** The next one comes soon. */
const pinging: ActivityOptions = { startToCloseTimeout: '2 minutes', retry: { maximumAttempts: 1 } };

export const {
  acceptBatch,
  publishBatch,
  finishRun,
  requestReplay,
  recordAlerts,
  describeWorker,
  resumeNodes,
  runState,
} = proxyActivities<Activities>(shortStep);
export const { notifyPipeline, planRun, checkFreshness } = proxyActivities<Activities>(planning);
export const {
  failBatch,
  publishReplay,
  failReplay,
  endAbandoned,
  sweepLeftovers,
  trimHistories,
  analyzeTables,
} = proxyActivities<Activities>(sweeping);
export const { runNode, verifyNode, loadReplay, requestScheduledRun, archiveNext } =
  proxyActivities<Activities>(longWork);
export const { raiseAlerts } = proxyActivities<Activities>(telling);
export const { deliverAlert } = proxyActivities<Activities>(sending);
export const { pingHeartbeat } = proxyActivities<Activities>(pinging);

/** A host that restarts, or is being replaced, is back by then; a load that waits longer is someone's mistake. */
export const HOST_WAIT_MS = 60 * 60_000;

type FileActivities = Pick<ActivityInterfaceFor<Activities>, 'loadFile' | 'scanInbox' | 'settleInboxFile'>;

/**
 * The activities that touch files: on the queue of the host that has them, where one is named; with a limit to the
 * waiting then, since nobody else can take them.
 */
export const fileActivities = (host?: string, hostWaitMs: number = HOST_WAIT_MS): FileActivities =>
  proxyActivities<Activities>({
    ...longWork,
    ...(host === undefined
      ? {}
      : { taskQueue: hostTaskQueue(workflowInfo().taskQueue, host), scheduleToStartTimeout: hostWaitMs }),
  });

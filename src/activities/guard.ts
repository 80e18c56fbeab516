import { CancelledFailure, Context } from '@temporalio/activity';
import type { Logger } from '../observability/logger';
import {
  type FailureContext,
  judge,
  toFailure,
  traceOf,
  UnexpectedFailures,
  workerShutdown,
} from './failures';

/** Well below the heartbeat timeout of 15 s (workflows/activity-options.ts); cancellation comes with the answers. */
const HEARTBEAT_INTERVAL_MS = 2_000;

export interface GuardOptions extends Partial<FailureContext> {
  /** What the heartbeats say. */
  readonly progress?: () => unknown;
}

export interface Guard {
  /**
   * Runs an activity's work with heartbeats, so that another worker takes over soon from one that was killed; what it
   * throws becomes a failure of the catalogue, or the cancellation it was.
   */
  <T>(work: (signal: AbortSignal) => Promise<T>, options?: GuardOptions): Promise<T>;
}

const activityKey = ({ workflowExecution, activityId }: Context['info']): string =>
  `${workflowExecution?.runId ?? ''}/${activityId}`;

/** The cancellation that stands behind a rejection, if there is one. */
const cancellationOf = (signal: AbortSignal): Error | undefined => {
  if (!signal.aborted) return undefined;
  const reason: unknown = signal.reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  return message === 'WORKER_SHUTDOWN' ? workerShutdown() : new CancelledFailure(message);
};

export const createGuard = (logger: Logger): Guard => {
  const unexpected = new UnexpectedFailures();
  return async (work, { countedByWorkflow = false, progress = () => undefined } = {}) => {
    const { info, cancellationSignal } = Context.current();
    const key = activityKey(info);
    try {
      const result = await withHeartbeats(progress, () => work(cancellationSignal));
      unexpected.forget(key);
      return result;
    } catch (error) {
      const cancellation = cancellationOf(cancellationSignal);
      if (cancellation !== undefined) throw cancellation;
      const verdict = judge(error, { countedByWorkflow });
      const again = verdict.retry === 'wait' || (verdict.retry === 'bounded' && unexpected.allow(key));
      if (!again) unexpected.forget(key);
      if (verdict.type === 'UNEXPECTED')
        logger.error(
          {
            activity: info.activityType,
            workflowId: info.workflowExecution?.workflowId,
            stack: traceOf(error, verdict.message),
          },
          verdict.message,
        );
      throw toFailure(verdict, !again, error);
    }
  };
};

/** Heartbeats at once and then every few seconds, with what `progress` says, until the work ends. */
const withHeartbeats = async <T>(progress: () => unknown, work: () => Promise<T>): Promise<T> => {
  const context = Context.current();
  const beat = (): void => context.heartbeat(progress());
  beat();
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
};

import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { StrataError } from '../domain/errors';
import { pipelineWorkflowId, QUERY, UPDATE, WORKFLOW } from '../wire/names';
import type { PipelineStatus, RunRequest, StartedRun } from '../wire/pipeline';
import type { NodeResult, TransformResult, TransformStatus } from '../wire/transform';
import { describeError } from './describe-error';
import { pause, untilAborted } from './interrupt';
import type { Session } from './session';

const POLL_INTERVAL_MS = 250;
/** How long a cancelled run may take to end before the command leaves it to the next worker. */
const CANCEL_WAIT_MS = 5_000;
/** How long a command waits at its end for the coordinator. */
const SETTLE_WAIT_MS = 2_000;
const SETTLE_INTERVAL_MS = 50;

/** Hears of a run while it goes on: each node once, when it has ended. */
export interface RunListener {
  /** Whether this is what the node comes to; by default any result is. */
  readonly isDone?: (result: NodeResult) => boolean;
  readonly onNode: (index: number, result: NodeResult, all: readonly { readonly label: string }[]) => void;
  /** One line on what goes on now. */
  readonly onProgress: (text: string) => void;
}

/** Asks the coordinator for a run, starting the coordinator where there is none; returns once the run has started. */
export const requestRun = async (
  session: Session,
  request: RunRequest,
  signal: AbortSignal,
): Promise<StartedRun> => {
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const requestId = randomUUID();
  for (;;) {
    const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOW.pipeline, {
      workflowId: pipelineWorkflowId(session.warehouse),
      taskQueue: session.warehouse,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    try {
      return await untilAborted(
        signal,
        session.client.workflow.executeUpdateWithStart<never, StartedRun, [RunRequest]>(UPDATE.requestRun, {
          args: [{ ...request, databaseUuid: session.databaseUuid, requestId }],
          startWorkflowOperation: startWorkflowOperation as never,
        }),
      );
    } catch (error) {
      if (describeError(error).code !== 'COORDINATOR_RENEWED') throw error;
    }
  }
};

const isTransformResult = (value: unknown): value is TransformResult =>
  typeof value === 'object' && value !== null && Array.isArray((value as { results?: unknown }).results);

/** A failed run carries its result in the details of its failure. */
const resultOfFailure = (error: unknown): TransformResult => {
  const cause = (error as { cause?: { type?: unknown; details?: unknown } }).cause;
  // Of a failed connection the details are a text.
  const result = Array.isArray(cause?.details) ? cause.details.find(isTransformResult) : undefined;
  if ((cause?.type === 'RUN_FAILED' || cause?.type === 'VERIFY_MISMATCH') && result) return result;
  if ((cause as Error | undefined)?.name === 'CancelledFailure')
    throw new StrataError('RUN_FAILED', 'The run was cancelled', { cause: error });
  throw error;
};

const progressText = ({ nodes }: TransformStatus): string => {
  const retrying = nodes.find((n) => n.state === 'retrying');
  if (retrying) return `${retrying.label} failed, waiting for the next try: ${retrying.message ?? ''}`;
  const running = nodes.filter((n) => n.state === 'running').map((n) => n.label);
  return running.length === 0 ? 'planning' : `running ${running.join(', ')}`;
};

/** Reports each node's result once, in the order they were seen; anew where the run was begun again. */
const createReporter = (listener: RunListener) => {
  const reported = new Set<string>();
  let reportedRun: string | undefined;
  return (
    runId: string,
    results: readonly NodeResult[],
    all: readonly { readonly label: string }[],
  ): void => {
    if (runId !== reportedRun) reported.clear();
    reportedRun = runId;
    for (const result of results) {
      if (reported.has(result.nodeId) || listener.isDone?.(result) === false) continue;
      reported.add(result.nodeId);
      listener.onNode(reported.size, result, all);
    }
  };
};

/** The status, or undefined while nobody can answer: a worker that starts, or one that has just gone. */
const queryStatus = async <S = TransformStatus>(handle: WorkflowHandle): Promise<S | undefined> => {
  try {
    return await handle.query<S>(QUERY.status);
  } catch {
    return undefined;
  }
};

const poll = async (
  handle: WorkflowHandle,
  until: AbortSignal,
  report: (status: TransformStatus) => void,
): Promise<void> => {
  while (!until.aborted) {
    await pause(POLL_INTERVAL_MS, until);
    if (until.aborted) return;
    const status = await queryStatus(handle);
    if (status && !until.aborted) report(status);
  }
};

const cancelRun = async (handle: WorkflowHandle, result: Promise<unknown>): Promise<void> => {
  await handle.cancel();
  const given = new AbortController();
  await Promise.race([result.catch(() => undefined), pause(CANCEL_WAIT_MS, given.signal)]);
  given.abort();
};

/**
 * Lets the coordinator take note of the end of its run while this process's worker still serves it. A task that a
 * leaving worker had just been given would be lost to it, and the next command would wait until it timed out.
 */
const settleCoordinator = async ({ client, warehouse }: Session, workflowId: string): Promise<void> => {
  const handle = client.workflow.getHandle(pipelineWorkflowId(warehouse));
  const over = new AbortController();
  const settled = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const status = await queryStatus<PipelineStatus>(handle);
      if (status && status.running?.workflowId !== workflowId) return;
      await pause(SETTLE_INTERVAL_MS, over.signal);
    }
  };
  await Promise.race([settled(), pause(SETTLE_WAIT_MS, over.signal)]);
  over.abort();
};

/**
 * Waits for a run and tells of its nodes as they end. A failed run is a result, not an error. When `signal` aborts: a
 * run that only this process's worker could carry on is cancelled; any other goes on without being watched.
 */
export const followRun = async (
  session: Session,
  started: StartedRun,
  listener: RunListener,
  signal: AbortSignal,
): Promise<TransformResult> => {
  const { workflowId, firstExecutionRunId } = started;
  const handle = session.client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
  const done = new AbortController();
  const report = createReporter(listener);
  const polling = poll(handle, done.signal, (status) => {
    report(
      status.runId,
      status.nodes.flatMap((n) => (n.result ? [n.result] : [])),
      status.nodes,
    );
    listener.onProgress(progressText(status));
  });
  const result = (handle.result() as Promise<TransformResult>).catch(resultOfFailure);
  try {
    const ended = await untilAborted(signal, result);
    report(ended.runId, ended.results, ended.results);
    return ended;
  } catch (error) {
    if (signal.aborted && session.hasOwnWorker()) await cancelRun(handle, result);
    throw error;
  } finally {
    done.abort();
    await polling;
    if (session.hasOwnWorker()) await settleCoordinator(session, workflowId);
    listener.onProgress('');
  }
};

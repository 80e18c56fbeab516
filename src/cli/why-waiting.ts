import { pipelineWorkflowId, QUERY } from '../wire/names';
import type { PipelineStatus } from '../wire/pipeline';
import { pause } from './interrupt';
import type { Session } from './session';

/** A run that has not started by then is waiting for something that the user should know. */
const PATIENCE_MS = 3_000;
const QUERY_TIMEOUT_MS = 5_000;
const WORKFLOW_TASK_QUEUE = 1;

const hasWorker = async ({ client, warehouse }: Session): Promise<boolean> => {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: warehouse },
    taskQueueType: WORKFLOW_TASK_QUEUE,
  });
  return (pollers ?? []).length > 0;
};

const reasonOf = async (session: Session): Promise<string | undefined> => {
  const { client, warehouse } = session;
  if (!(await hasWorker(session)))
    return `no worker serves task queue ${warehouse}: start \`strata worker\`, or use --inline-worker`;
  const handle = client.workflow.getHandle(pipelineWorkflowId(warehouse));
  const status = await client.connection.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
    handle.query<PipelineStatus>(QUERY.status),
  );
  if (status.paused)
    return `the coordinator is paused: \`strata temporal workflow signal --workflow-id ${pipelineWorkflowId(warehouse)} --name resume\` lets it go on`;
  return status.running ? `${status.running.workflowId} runs first` : undefined;
};

/** Says once, by `tell`, what a request waits for, if it does for some seconds. Ends when `signal` aborts. */
export const tellWhyWaiting = async (
  session: Session,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  await pause(PATIENCE_MS, signal);
  if (signal.aborted) return;
  // Only a hint: whatever keeps it from being found out is no failure of the command.
  const reason = await reasonOf(session).catch(() => undefined);
  if (reason !== undefined && !signal.aborted) tell(`waiting: ${reason}`);
};

import { workflowInfo } from '@temporalio/workflow';

/** From the workflow's own id, which stays the same when a history is replayed elsewhere; under any other id, its task queue. */
export const thisWarehouse = (suffix: string): string => {
  const { workflowId, taskQueue } = workflowInfo();
  return workflowId.endsWith(suffix) ? workflowId.slice(0, -suffix.length) : taskQueue;
};

import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { IsOpen } from '../db/sweep-shadows';

const CLOSED: ReadonlySet<string> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'TIMED_OUT',
  'CONTINUED_AS_NEW',
]);

const statusOf = async (workflowId: string, runId?: string): Promise<string> => {
  try {
    return (await getClient().workflow.getHandle(workflowId, runId).describe()).status.name;
  } catch (error) {
    return error instanceof WorkflowNotFoundError ? 'NOT_FOUND' : 'UNKNOWN';
  }
};

/**
 * How the execution that began something is closed, in a word; undefined: it goes on, or nobody could be asked. After
 * `temporal workflow reset` another execution of the same id goes on with the same work, so that this one is asked
 * about too.
 */
export const closedAs = async ({
  workflowId,
  runId,
}: {
  readonly workflowId: string;
  readonly runId?: string | undefined;
}): Promise<string | undefined> => {
  const newest = await statusOf(workflowId);
  const own = runId === undefined ? newest : await statusOf(workflowId, runId);
  const isClosed = (status: string): boolean => CLOSED.has(status) || status === 'NOT_FOUND';
  if (!isClosed(newest) || !isClosed(own)) return undefined;
  return own === 'NOT_FOUND' ? 'unknown to Temporal' : own.toLowerCase().replaceAll('_', ' ');
};

/** Whether the work of a run still goes on; one that nobody can be asked about is left alone. */
export const isOpen: IsOpen = async (run) => (await closedAs(run)) === undefined;

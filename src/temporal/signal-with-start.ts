import type { Client } from '@temporalio/client';
import { StrataError } from '../domain/errors';

export interface LastingWorkflow {
  readonly type: string;
  readonly workflowId: string;
  /** For people, of the execution that this may start. */
  readonly summary: string;
}

/**
 * Signals a long-lived workflow of the warehouse, and starts it where there is none. `problem` says what could not be
 * done. @throws TEMPORAL_UNREACHABLE
 */
export const signalWithStart = async (
  client: Pick<Client, 'workflow'>,
  { type, workflowId, summary }: LastingWorkflow,
  {
    warehouse,
    signal,
    argument,
    problem,
  }: {
    readonly warehouse: string;
    readonly signal: string;
    readonly argument: unknown;
    readonly problem: string;
  },
): Promise<void> => {
  try {
    await client.workflow.signalWithStart(type, {
      workflowId,
      taskQueue: warehouse,
      args: [{}],
      signal,
      signalArgs: [argument],
      staticSummary: summary,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StrataError('TEMPORAL_UNREACHABLE', `${problem}: ${why}`, { cause: error });
  }
};

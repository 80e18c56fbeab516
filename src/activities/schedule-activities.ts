import { getClient } from '@temporalio/activity';
import {
  WithStartWorkflowOperation,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, WorkflowNotFoundError } from '@temporalio/common';
import type { DatabasePool } from 'slonik';
import { rightAgain } from '../db/incidents';
import { databaseUuid } from '../db/warehouse';
import { isErrorCode, StrataError } from '../domain/errors';
import { pipelineWorkflowId, UPDATE, WORKFLOW } from '../wire/names';
import type { RunRequest, StartedRun } from '../wire/pipeline';
import type { RunStateResult } from '../wire/scheduled-run';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';

export interface ScheduleActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

/** A failure of the coordinator's, as an error of ours; anything else is Temporal's absence. */
const asStrataError = (error: unknown): StrataError => {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  if (cause !== undefined)
    return new StrataError(isErrorCode(type) ? type : 'RUN_FAILED', cause.message, { cause: error });
  const why = error instanceof Error ? error.message : String(error);
  return new StrataError('TEMPORAL_UNREACHABLE', `The coordinator could not be asked: ${why}`, {
    cause: error,
  });
};

/**
 * Asks for a run and waits until it has started. Asked again under the same `requestId`, after an answer that got lost
 * or was cut short, the coordinator answers with the same run.
 */
const requestRun = async (
  warehouse: string,
  request: RunRequest & { readonly requestId: string },
): Promise<StartedRun> => {
  for (let renewals = 0; ; renewals++) {
    const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOW.pipeline, {
      workflowId: pipelineWorkflowId(warehouse),
      taskQueue: warehouse,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `Coordinator of warehouse ${warehouse}`,
    });
    try {
      return await getClient().workflow.executeUpdateWithStart<never, StartedRun, [RunRequest]>(
        UPDATE.requestRun,
        {
          args: [request],
          updateId: renewals === 0 ? request.requestId : `${request.requestId}/${renewals}`,
          startWorkflowOperation: startWorkflowOperation as never,
        },
      );
    } catch (error) {
      const failure = asStrataError(error);
      if (failure.code !== 'COORDINATOR_RENEWED') throw failure;
    }
  }
};

const endOf = async (handle: WorkflowHandle): Promise<RunStateResult> => {
  try {
    await handle.result();
    return { state: 'success' };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { state: 'cancelled' };
    const code = cause instanceof ApplicationFailure ? cause.type : undefined;
    return {
      state: 'failed',
      ...(cause === undefined ? {} : { message: cause.message }),
      ...(isErrorCode(code) ? { code } : {}),
    };
  }
};

export const createScheduleActivities = ({
  pool,
  warehouse,
  searchAttributes,
  guard,
}: ScheduleActivityDeps): Pick<Activities, 'requestScheduledRun' | 'runState'> => ({
  requestScheduledRun: ({ transform, schedule }) =>
    guard(async (signal) => {
      const uuid = await databaseUuid(pool);
      const { workflowId, workflowRunId } = thisWorkflow();
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      const request = { transform, databaseUuid: uuid, requestId: `${workflowId}/${workflowRunId}` };
      const started = await Promise.race([requestRun(warehouse, request), stopped]);
      const conditions = await rightAgain(pool, { type: WORKFLOW.scheduledRun, schedule });
      return { ...started, conditions, databaseUuid: uuid, warehouse, searchAttributes };
    }),

  runState: ({ workflowId, firstExecutionRunId }) =>
    guard(async () => {
      const handle = getClient().workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
      try {
        const { status } = await handle.describe();
        return status.name === 'RUNNING' ? { state: 'running' } : await endOf(handle);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError)
          return { state: 'failed', message: `Temporal knows no ${workflowId} any more` };
        throw new StrataError('TEMPORAL_UNREACHABLE', `${workflowId} could not be asked about`, {
          cause: error,
        });
      }
    }),
});

import type { Client, Workflow, WorkflowHandle } from '@temporalio/client';
import { pipelineWorkflowId, replayWorkflowId, type SIGNAL, WORKFLOW } from '../wire/names';
import type { ReplayInput, ReplayResult } from '../wire/replay';

/** Which warehouse's workflows, and who asks for them. */
export interface WarehouseClient {
  readonly client: Client;
  readonly warehouse: string;
}

type ReplayWorkflow = (input: ReplayInput) => Promise<ReplayResult>;

/** Starts the workflow that carries out a replay that was entered in the database. */
export const startReplay = (
  { client, warehouse }: WarehouseClient,
  input: ReplayInput & { readonly replayId: string },
): Promise<WorkflowHandle<ReplayWorkflow>> =>
  client.workflow.start<ReplayWorkflow>(WORKFLOW.replayDeadLetters, {
    workflowId: replayWorkflowId(warehouse, input.replayId),
    taskQueue: warehouse,
    args: [input],
    staticSummary: `Replay ${input.replayId} of dead letters`,
  });

type PipelineSignal =
  typeof SIGNAL.fullRefresh | typeof SIGNAL.pause | typeof SIGNAL.resume | typeof SIGNAL.cancelRun;

/** Signals the warehouse's coordinator, and starts it where there is none. */
export const signalPipeline = async (
  { client, warehouse }: WarehouseClient,
  signal: PipelineSignal,
  argument?: unknown,
): Promise<void> => {
  await client.workflow.signalWithStart<Workflow, [unknown]>(WORKFLOW.pipeline, {
    workflowId: pipelineWorkflowId(warehouse),
    taskQueue: warehouse,
    args: [{}],
    signal,
    signalArgs: (argument === undefined ? [] : [argument]) as [unknown],
    staticSummary: `Coordinator of warehouse ${warehouse}`,
  });
};

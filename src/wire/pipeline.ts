import { z } from 'zod/v4';
import { type SuspendedNode, TransformInput } from './transform';

/** Signal `batchLoaded`: a batch was published, run what depends on it. */
export const BatchLoaded = z.strictObject({
  batchId: z.string(),
  dataset: z.string(),
  databaseUuid: z.string().optional(),
  planHash: z.string().optional(),
  /** Of the run that follows, if it isn't that of live work. */
  priority: z.number().int().min(1).max(5).optional(),
});
export type BatchLoaded = z.infer<typeof BatchLoaded>;

/** Signal `fullRefresh`: all models, or a selection in dbt's grammar. */
export const FullRefresh = z
  .strictObject({
    select: z.array(z.string()).optional(),
    exclude: z.array(z.string()).optional(),
    planHash: z.string().optional(),
    databaseUuid: z.string().optional(),
  })
  .optional();
export type FullRefresh = z.infer<typeof FullRefresh>;

/** Update `requestRun`. With `batchIds`: the run that covers these batches, an earlier one if it already does. */
export const RunRequest = z.strictObject({
  transform: TransformInput,
  batchIds: z.array(z.string()).optional(),
  databaseUuid: z.string().optional(),
  /** Asked again under the same one, after an answer that got lost or was cut short, it is the same run. */
  requestId: z.string().min(1).max(1_000).optional(),
});
export type RunRequest = z.infer<typeof RunRequest>;

/** Signal `cancelRun`, update `requestCancel`: the run that is running, or by `number` one that runs or waits. */
export const CancelRun = z.strictObject({ number: z.number().int().min(1).optional() }).optional();
export type CancelRun = z.infer<typeof CancelRun>;

export interface CancelledRun {
  number: number;
  workflowId?: string | undefined;
  /** What became of it: `dropped` when it had not begun; one that ended meanwhile has its own end. */
  state: FinishedRun['state'] | 'dropped';
}

/** Update `resumeNodes`: names of models, or nothing for all that are suspended. */
export const ResumeNodes = z
  .strictObject({
    nodes: z.array(z.string().min(1)).min(1).optional(),
    /** Who does it, for the record. */
    actor: z.string().optional(),
  })
  .optional();
export type ResumeNodes = z.infer<typeof ResumeNodes>;

export interface ResumeNodesResult {
  resumed: SuspendedNode[];
}

/** What a worker knows that the coordinator has to. */
export interface DescribeWorkerResult {
  /** Whether the custom search attributes are registered. */
  searchAttributes: boolean;
}

export interface StartedRun {
  workflowId: string;
  firstExecutionRunId: string;
}

/** A run that waits for its turn; requests that mean the same are merged into one. */
export const QueuedRun = z.object({
  number: z.number().int().min(1),
  transform: TransformInput,
  batchIds: z.array(z.string()),
  /** How many requests it is the answer to. */
  requests: z.number().int().min(1).optional(),
  /** How often a more urgent one went before it. */
  passedOver: z.number().int().min(0).optional(),
  /** By which requests it was asked for, those that name themselves; the last of them. */
  requestIds: z.array(z.string()).optional(),
});
export type QueuedRun = z.infer<typeof QueuedRun>;

export const FinishedRun = z.object({
  number: z.number().int().min(1),
  workflowId: z.string(),
  firstExecutionRunId: z.string(),
  batchIds: z.array(z.string()),
  state: z.enum(['success', 'failed', 'cancelled']),
  /** What it ran: a request for batches only finds a run that meant the same. */
  transform: TransformInput.optional(),
  requestIds: z.array(z.string()).optional(),
});
export type FinishedRun = z.infer<typeof FinishedRun>;

/** Input of workflow `pipeline`, which needs none by hand; continue-as-new carries the state over in it. */
export const PipelineInput = z.object({
  databaseUuid: z.string().optional(),
  nextNumber: z.number().int().min(1).optional(),
  queue: z.array(QueuedRun).optional(),
  finished: z.array(FinishedRun).optional(),
  paused: z.boolean().optional(),
  /** Whether the custom search attributes are registered; asked for when it isn't known. */
  searchAttributes: z.boolean().optional(),
  /** Continue as new after so many runs. */
  runsPerExecution: z.number().int().min(1).optional(),
});
export type PipelineInput = z.infer<typeof PipelineInput>;

export interface PipelineStatus {
  warehouse: string;
  databaseUuid?: string | undefined;
  paused: boolean;
  running?: { number: number; workflowId: string; batchIds: string[] } | undefined;
  queue: QueuedRun[];
  finished: FinishedRun[];
}

/** What query `plan` of the coordinator answers. */
export interface PipelinePlan {
  warehouse: string;
  paused: boolean;
  /**
   * The runs that are known of, in the order of their turns. Requests and batches that come while a run waits join the
   * one that means the same.
   */
  runs: PlannedRun[];
}

export interface PlannedRun {
  number: number;
  state: 'running' | 'next' | 'later';
  /** In one line: `run --full-refresh --select dim_customer+, batch 12, 13`. */
  does: string;
  priority: number;
  /** How many requests were merged into it. */
  requests: number;
  transform: TransformInput;
  batchIds: string[];
  workflowId?: string | undefined;
}

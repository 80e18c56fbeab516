import { z } from 'zod/v4';
import { TransformInput } from './transform';

/** Signal `batchLoaded`: a batch was published, run what depends on it. */
export const BatchLoaded = z.strictObject({
  batchId: z.string(),
  dataset: z.string(),
  databaseUuid: z.string().optional(),
  planHash: z.string().optional(),
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
});
export type RunRequest = z.infer<typeof RunRequest>;

export interface StartedRun {
  workflowId: string;
  firstExecutionRunId: string;
}

/** A run that waits for its turn; requests that mean the same are merged into one. */
export const QueuedRun = z.object({
  number: z.number().int().min(1),
  transform: TransformInput,
  batchIds: z.array(z.string()),
});
export type QueuedRun = z.infer<typeof QueuedRun>;

export const FinishedRun = z.object({
  number: z.number().int().min(1),
  workflowId: z.string(),
  firstExecutionRunId: z.string(),
  batchIds: z.array(z.string()),
  state: z.enum(['success', 'failed']),
  /** What it ran: a request for batches only finds a run that meant the same. */
  transform: TransformInput.optional(),
});
export type FinishedRun = z.infer<typeof FinishedRun>;

/** Input of workflow `pipeline`, which needs none by hand; continue-as-new carries the state over in it. */
export const PipelineInput = z.object({
  databaseUuid: z.string().optional(),
  nextNumber: z.number().int().min(1).optional(),
  queue: z.array(QueuedRun).optional(),
  finished: z.array(FinishedRun).optional(),
  paused: z.boolean().optional(),
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

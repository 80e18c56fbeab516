import { z } from 'zod/v4';
import { TransformInput } from './transform';

/** Signal `batchLoaded`: a batch was published, run what depends on it. */
export const BatchLoaded = z.object({
  batchId: z.string(),
  dataset: z.string(),
  databaseUuid: z.string().optional(),
  planHash: z.string().optional(),
});
export type BatchLoaded = z.infer<typeof BatchLoaded>;

/** Signal `fullRefresh`: all models, or a selection in dbt's grammar. */
export const FullRefresh = z
  .object({
    select: z.array(z.string()).optional(),
    exclude: z.array(z.string()).optional(),
    planHash: z.string().optional(),
    databaseUuid: z.string().optional(),
  })
  .optional();
export type FullRefresh = z.infer<typeof FullRefresh>;

/** Update `requestRun`. With `batchIds`: the run that covers these batches, an earlier one if it already does. */
export const RunRequest = z.object({
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
export interface QueuedRun {
  number: number;
  transform: TransformInput;
  batchIds: string[];
}

export interface FinishedRun {
  number: number;
  workflowId: string;
  firstExecutionRunId: string;
  batchIds: string[];
  state: 'success' | 'failed';
}

/** Input of workflow `pipeline`; the rest is carried over by continue-as-new. */
export interface PipelineInput {
  databaseUuid?: string | undefined;
  nextNumber?: number | undefined;
  queue?: QueuedRun[] | undefined;
  finished?: FinishedRun[] | undefined;
  paused?: boolean | undefined;
}

export interface PipelineStatus {
  warehouse: string;
  databaseUuid?: string | undefined;
  paused: boolean;
  running?: { number: number; workflowId: string; batchIds: string[] } | undefined;
  queue: QueuedRun[];
  finished: FinishedRun[];
}

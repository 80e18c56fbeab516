import { z } from 'zod/v4';
import type { Condition } from './alerts';
import type { StartedRun } from './pipeline';
import { TransformInput } from './transform';

/** Starts workflow `scheduledRun`: asks the coordinator for a run, and waits for its end. */
export const ScheduledRunInput = z.strictObject({
  transform: TransformInput.optional(),
  /** The `var()` that the run is told its scheduled time by. */
  timeVar: z.string().min(1).optional(),
  /** Set by itself, when its history grew long: the run that it waits for. */
  following: z
    .strictObject({
      workflowId: z.string(),
      firstExecutionRunId: z.string(),
      warehouse: z.string(),
      searchAttributes: z.boolean(),
      sinceMs: z.number(),
    })
    .optional(),
  /** Continue as new after so many looks at the run. */
  looksPerExecution: z.number().int().min(1).optional(),
});
export type ScheduledRunInput = z.infer<typeof ScheduledRunInput>;

export type FollowedRun = NonNullable<ScheduledRunInput['following']>;

export interface RequestScheduledRunInput {
  transform: TransformInput;
  /** The schedule that asks. */
  schedule?: string | undefined;
}

export interface RequestScheduledRunResult extends StartedRun {
  /** What is right again, now that a run could be asked for. */
  conditions: Condition[];
  databaseUuid: string;
  warehouse: string;
  searchAttributes: boolean;
}

/** How a run stands. */
export interface RunStateResult {
  state: 'running' | 'success' | 'failed' | 'cancelled';
  /** Why, where it failed. */
  message?: string | undefined;
  /** Its code in the catalogue of errors. */
  code?: string | undefined;
}

export interface ScheduledRunResult {
  /** The run that it was, as the coordinator started it; several requests may be one run. */
  workflowId: string;
  state: 'success';
}

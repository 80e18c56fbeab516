import { z } from 'zod/v4';
import type { Condition } from './alerts';
import type { StartedRun } from './pipeline';
import { TransformInput } from './transform';

/** Starts workflow `scheduledRun`: asks the coordinator for a run, and waits for its end. */
export const ScheduledRunInput = z.strictObject({
  transform: TransformInput.optional(),
  /** The `var()` that the run is told its scheduled time by. */
  timeVar: z.string().min(1).optional(),
});
export type ScheduledRunInput = z.infer<typeof ScheduledRunInput>;

export interface RequestScheduledRunInput {
  transform: TransformInput;
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
}

export interface ScheduledRunResult {
  /** The run that it was, as the coordinator started it; several requests may be one run. */
  workflowId: string;
  state: 'success';
}

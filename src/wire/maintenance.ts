import { z } from 'zod/v4';
import type { Condition } from './alerts';

/** Starts workflow `maintenance`. Everything is optional by hand. */
export const MaintenanceInput = z.strictObject({
  /** What has shown no sign of life for so long is looked at: whether its workflow still goes on. */
  idleMinutes: z.number().min(0).max(1_000_000).optional(),
});
export type MaintenanceInput = z.infer<typeof MaintenanceInput>;

/** What a workflow that was terminated may leave unfinished. */
export const UNFINISHED = ['batch', 'replay', 'run'] as const;
export type Unfinished = (typeof UNFINISHED)[number];

export interface EndAbandonedInput {
  kind: Unfinished;
  idleMinutes: number;
  /** Where the page before ended. */
  after?: string | undefined;
}

export interface EndAbandonedResult {
  ended: number;
  /** Where the next page begins; undefined: there is none. */
  next?: string | undefined;
  /** What the alerter is to be told. */
  conditions: Condition[];
  databaseUuid: string;
}

export interface SweepLeftoversResult {
  /** Schemas of verifications that have ended. */
  shadows: number;
  /** Models that consume no more: their relation is gone, or no project has them. */
  consumers: number;
  /** Feeds that nobody reads any more, emptied. */
  feeds: number;
  /** Tables of keys whose relation is no more, dropped. */
  keys?: number | undefined;
  /** Partitions of months to come that were made. */
  partitions?: number | undefined;
  /** Why the worker's project, which says what consumes, could not be read; the rest was done without it. */
  problem?: { code: string; message: string } | undefined;
}

export interface TrimHistoriesResult {
  /** Rows removed, by table. */
  removed: Record<string, number>;
  /** Whether there is more to remove. */
  more: boolean;
}

export interface AnalyzeTablesInput {
  /** The schedule that this maintenance is of. */
  schedule?: string | undefined;
}

export interface AnalyzeTablesResult {
  /** Tables whose statistics were out of date, as `schema.name`. */
  analyzed: string[];
  /** What is right again, now that maintenance has come to its end. */
  conditions: Condition[];
  warehouse: string;
  searchAttributes: boolean;
}

/** What workflow `maintenance` answers: what it did, in counts. */
export interface MaintenanceResult extends Omit<SweepLeftoversResult, 'problem'> {
  /** Loads, replays and runs that nobody carried on. */
  batches: number;
  replays: number;
  runs: number;
  removed: Record<string, number>;
  analyzed: string[];
}

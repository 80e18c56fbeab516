import { z } from 'zod/v4';
import type { Condition } from './alerts';
import { momentText } from './text-formats';

/** Starts workflow `freshness`: checks the sources' freshness and records it. Everything is optional by hand. */
export const FreshnessInput = z.strictObject({
  /** dbt's selection grammar, of sources: `source:raw`, `source:raw.transactions`. */
  select: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
  /** The compiled plan in `ops.plan`; default: compiled from `projectDir`, or the worker's own project. */
  planHash: z.string().optional(),
  projectDir: z.string().optional(),
  /** The past moment that is judged, from what the ledger knew then; default: now. */
  asOf: momentText.optional(),
});
export type FreshnessInput = z.infer<typeof FreshnessInput>;

/** `skipped`: strata doesn't load this table, or can't judge it. */
export const FRESHNESS_STATUSES = ['pass', 'warn', 'error', 'skipped'] as const;
export type FreshnessStatus = (typeof FRESHNESS_STATUSES)[number];

/** What stands behind a status: who has to act. */
export const FRESHNESS_DIAGNOSES = [
  /** New data came in time. */
  'fresh',
  /** No file came for too long. */
  'source_silent',
  /** Nothing has ever been loaded. */
  'never_loaded',
  /** Files came, and what strata made of them failed, or is stuck. */
  'pipeline_failed',
  /** Files came, and were refused: they were damaged, or too many rows were bad. */
  'file_refused',
  /** A file came and is being loaded. */
  'loading',
  /** Only rows that were there before came in: a replay of dead letters, a known content loaded again. */
  'replayed_only',
  /** Files are loaded in time, and what they tell of is old. */
  'data_old',
  /** The table isn't one that strata loads. */
  'not_loaded_here',
  /** The declaration asks for what the ledger can't say. */
  'unsupported',
] as const;
export type FreshnessDiagnosis = (typeof FRESHNESS_DIAGNOSES)[number];

/** The freshness of one source table. Times are ISO, ages in seconds; null is unknown, or not declared. */
export interface SourceFreshness {
  /** dbt's unique id, e.g. `source.echo.raw.transactions`. */
  sourceId: string;
  /** As it is selected: `raw.transactions`. */
  source: string;
  dataset: string | null;
  status: FreshnessStatus;
  diagnosis: FreshnessDiagnosis;
  /** One line. */
  message: string;
  /** Of the newest load that brought something new. */
  loadedAt: string | null;
  ageSeconds: number | null;
  warnAfterSeconds: number | null;
  errorAfterSeconds: number | null;
  /** The latest time that the rows tell of. */
  latestEventAt: string | null;
  eventAgeSeconds: number | null;
  eventWarnAfterSeconds: number | null;
  eventErrorAfterSeconds: number | null;
  /** The batch that the diagnosis speaks of. */
  batchId: string | null;
}

/** What a check came to; recorded in `ops.freshness_result`. */
export interface FreshnessResult {
  checkId: string;
  warehouse: string;
  databaseUuid: string;
  /** The moment that was judged. */
  asOf: string;
  /** Whether that moment is the present: a past one is for the record, and nobody needs to be alarmed. */
  isLive: boolean;
  /** The worst of all. */
  status: Exclude<FreshnessStatus, 'skipped'>;
  sources: SourceFreshness[];
  searchAttributes: boolean;
}

/** What activity `checkFreshness` takes. */
export interface CheckFreshnessInput extends FreshnessInput {
  /** The schedule that asks. */
  schedule?: string | undefined;
}

/** Beside the result what the alerter is to be told: which sources are stale, and which no longer. */
export interface CheckFreshnessResult extends FreshnessResult {
  conditions: Condition[];
}

/** Catch-up and jitter move a start by less than this; what is later was asked for as a backfill. */
export const SCHEDULE_BACKFILL_AFTER_MS = 15 * 60_000;

export interface ScheduledStart {
  /** When the schedule says that it should have started. */
  readonly nominalMs: number;
  /** When it did. */
  readonly startedMs: number;
}

/** The past moment that a backfilled start is for; undefined for one that is about now. */
export const backfilledMoment = ({ nominalMs, startedMs }: ScheduledStart): string | undefined =>
  startedMs - nominalMs > SCHEDULE_BACKFILL_AFTER_MS ? new Date(nominalMs).toISOString() : undefined;

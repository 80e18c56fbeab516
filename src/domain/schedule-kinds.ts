import { assertNever } from './assert-never';
import { SCHEDULE_BACKFILL_AFTER_MS } from './logical-time';

/** What a schedule starts. */
export const SCHEDULE_KINDS = ['freshness', 'inbox', 'maintenance', 'verify', 'archive', 'run'] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** Variables that a schedule may need: where one is not set it is left out. */
export const SCHEDULE_VARIABLES = ['STRATA_INBOX', 'STRATA_ARCHIVE'] as const;
export type ScheduleVariable = (typeof SCHEDULE_VARIABLES)[number];

/** When one is due while the one before goes on. None stops what goes on. */
export const SCHEDULE_OVERLAPS = ['skip', 'buffer_one', 'buffer_all', 'allow_all'] as const;
export type ScheduleOverlap = (typeof SCHEDULE_OVERLAPS)[number];

export interface SchedulePolicy {
  readonly overlap: ScheduleOverlap;
  /** After an outage, starts that were missed are made up for when they are no older than this. */
  readonly catchupMs: number;
  /** Starts are delayed by a share of this, so that not all schedules of all warehouses begin at once. */
  readonly jitterMs: number;
}

/** What of a declaration its policy depends on. */
export interface ScheduledWork {
  readonly kind: ScheduleKind;
  readonly fullRefresh?: boolean | undefined;
  readonly timeVar?: string | undefined;
}

/** Times in the terms of Temporal's schedules. */
export interface ScheduleTimes {
  readonly everyMs?: number;
  readonly offsetMs?: number;
  readonly cron: readonly string[];
  readonly calendars: readonly Readonly<Record<string, unknown>>[];
  readonly timeZone: string;
}

export interface DeclaredSchedule extends ScheduledWork {
  readonly name: string;
  /** Where it is declared: `schedules.yml:12`. */
  readonly place: string;
  readonly description?: string | undefined;
  readonly times: ScheduleTimes;
  readonly policy: SchedulePolicy;
  readonly paused: boolean;
  readonly onlyIf?: ScheduleVariable | undefined;
  readonly select?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly vars?: Readonly<Record<string, unknown>> | undefined;
  /** Whose inbox. */
  readonly host?: string | undefined;
  /** Only this model's partitions. */
  readonly model?: string | undefined;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * On purpose, each:
 *
 * - freshness: a check that is late says no more than the next one, so that few are made up for; those that are
 *   missing can be backfilled. No jitter: a backfill's range is one of times, and jitter would shift what is in it.
 * - inbox: the next look sees all that this one would have: nothing is made up for, nothing waits. Looking is cheap.
 * - maintenance, verify: once is enough, and late is better than never: made up for within half a day. They are heavy
 *   on the database, hence the jitter; one that goes on does the work of the next.
 * - archive: as these two: what was not archived the last time is the next one's.
 * - run: what arrives while one goes on is the next one's work: one waits, and runs once for all. A full refresh that
 *   goes on makes another one needless. Runs that are told their time are each for a time of its own: all of them wait.
 */
export const policyOf = ({ kind, fullRefresh, timeVar }: ScheduledWork): SchedulePolicy => {
  switch (kind) {
    case 'freshness':
      return { overlap: 'skip', catchupMs: 5 * MINUTE, jitterMs: 0 };
    case 'inbox':
      return { overlap: 'skip', catchupMs: MINUTE, jitterMs: 0 };
    case 'maintenance':
    case 'verify':
    case 'archive':
      return { overlap: 'skip', catchupMs: 12 * HOUR, jitterMs: 10 * MINUTE };
    case 'run':
      if (timeVar !== undefined) return { overlap: 'buffer_all', catchupMs: 24 * HOUR, jitterMs: 0 };
      return { overlap: fullRefresh === true ? 'skip' : 'buffer_one', catchupMs: 6 * HOUR, jitterMs: MINUTE };
    default:
      return assertNever(kind);
  }
};

/** Why past times of a schedule can't be made up for; undefined: they can. */
export const whyNoBackfill = ({ kind, timeVar }: ScheduledWork): string | undefined => {
  switch (kind) {
    case 'freshness':
      return undefined;
    case 'inbox':
      return 'a look at the inbox takes what is there now, whatever time it is for';
    case 'maintenance':
      return 'maintenance clears away what is there now, whatever time it is for';
    case 'verify':
      return 'a verification compares the tables as they are now, whatever time it is for';
    case 'archive':
      return 'an archiving takes what is past its retention now, whatever time it is for';
    case 'run':
      return timeVar === undefined
        ? 'its runs are all alike: declare time_var to tell them their time'
        : undefined;
    default:
      return assertNever(kind);
  }
};

/** So many waiting starts Temporal keeps of a schedule; it drops what goes beyond. */
export const MAX_BACKFILL = 1_000;

/**
 * How the starts of a backfill go beside each other and beside the live ones. Runs wait for their turn anyway, and
 * each is for a time of its own. Checks of past moments hold up nothing: what waited in a line would have the live
 * checks, which are skipped while one goes on, skipped until the whole line is done.
 */
export const backfillOverlapOf = (kind: ScheduleKind): ScheduleOverlap =>
  kind === 'freshness' ? 'allow_all' : 'buffer_all';

/** What is wrong with how a schedule's policy is declared, if anything. */
export const policyProblem = (
  work: ScheduledWork,
  { overlap, catchupMs, jitterMs }: SchedulePolicy,
): string | undefined => {
  if (whyNoBackfill(work) === undefined && jitterMs > 0)
    return 'jitter: its times can be backfilled, and jitter would shift which of them a range has';
  if ((work.kind === 'freshness' || work.kind === 'inbox') && overlap.startsWith('buffer_'))
    return 'overlap: one that has waited says nothing that the next one does not: skip is expected';
  if (work.kind === 'freshness' && catchupMs >= SCHEDULE_BACKFILL_AFTER_MS)
    return 'catchup_window: a check that is 15 minutes late is taken for a backfill: less is expected';
  return undefined;
};

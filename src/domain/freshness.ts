import type { FreshnessDiagnosis, FreshnessStatus } from '../wire/freshness';
import { spanText } from './span-text';

/** After so long without an end a load is stuck: a big file takes minutes. */
const STUCK_AFTER_SECONDS = 3_600;

/** Ages beyond which a source is warned of, or an error; null: never. */
export interface FreshnessLimits {
  readonly warnAfterSeconds: number | null;
  readonly errorAfterSeconds: number | null;
}

export interface FreshnessRules {
  /** How old the newest load may be. */
  readonly arrival: FreshnessLimits;
  /** How old the latest time in the data may be; `isOwn`: declared for that, so that it may be an error. */
  readonly events: FreshnessLimits & { readonly isOwn: boolean };
}

/** The newest batch that came after the newest load, and how far it got. */
export interface UnfinishedBatch {
  readonly batchId: string;
  readonly ageSeconds: number;
  readonly state: 'running' | 'failed' | 'rejected';
  readonly error: string | null;
  /** Who has to act on the error, if it is one of the catalogue. */
  readonly audience?: 'sender' | 'author' | 'operator' | undefined;
}

/** What the ledger knows of a dataset at the moment that is judged; all ages are as of it. */
export interface FreshnessFacts {
  /** The newest published load of a file that brought something new. */
  readonly load: { readonly batchId: string; readonly ageSeconds: number } | null;
  /** The newest load after it that brought nothing new: a replay of dead letters, or a known content. */
  readonly repeat: {
    readonly kind: 'replay' | 'file';
    readonly batchId: string | null;
    readonly ageSeconds: number;
  } | null;
  readonly unfinished: UnfinishedBatch | null;
  /** The newest file of all, whatever became of it. */
  readonly lastFileAgeSeconds: number | null;
  /** Of the latest time that the rows of all loads tell of. */
  readonly eventAgeSeconds: number | null;
}

export interface FreshnessVerdict {
  readonly status: Exclude<FreshnessStatus, 'skipped'>;
  readonly diagnosis: FreshnessDiagnosis;
  readonly message: string;
  readonly batchId: string | null;
}

type Level = FreshnessVerdict['status'];
const ORDER: readonly Level[] = ['pass', 'warn', 'error'];

export const worst = (levels: readonly Level[]): Level =>
  ORDER[Math.max(0, ...levels.map((level) => ORDER.indexOf(level)))] ?? 'pass';

/** What an age comes to; of what never was, it is without end. */
export const levelOf = (ageSeconds: number, limits: FreshnessLimits): Level => {
  const isBeyond = (limit: number | null): boolean => limit !== null && ageSeconds > limit;
  if (isBeyond(limits.errorAfterSeconds)) return 'error';
  return isBeyond(limits.warnAfterSeconds) ? 'warn' : 'pass';
};

/** The age that an arrival must not have, to have kept the level from being this bad. */
const limitOf = (level: Level, limits: FreshnessLimits): number =>
  (level === 'error' ? limits.errorAfterSeconds : limits.warnAfterSeconds) ?? Number.POSITIVE_INFINITY;

/** Limits that were not made for the times in the data only warn: they say nothing of how old a file's rows may be. */
const eventLevel = (ageSeconds: number | null, { isOwn, ...limits }: FreshnessRules['events']): Level => {
  if (ageSeconds === null) return 'pass';
  const level = levelOf(ageSeconds, limits);
  return level === 'error' && !isOwn ? 'warn' : level;
};

/**
 * Judges a source. Its status is that of its newest load that brought something new, as in dbt, and of the times in its
 * data where that is worse. Replays and known contents never make it look fresh. What came in time to have kept the
 * status from being so bad, and didn't get through, is the cause; else nothing came.
 */
export const judgeFreshness = (facts: FreshnessFacts, rules: FreshnessRules): FreshnessVerdict => {
  const age = facts.load?.ageSeconds ?? Number.POSITIVE_INFINITY;
  const arrival = levelOf(age, rules.arrival);
  const events = eventLevel(facts.eventAgeSeconds, rules.events);
  const status = worst([arrival, events]);
  if (arrival === status && arrival !== 'pass')
    return { status, ...causeOf(facts, limitOf(arrival, rules.arrival)) };
  if (facts.load === null) return { status, ...neverLoaded(facts) };
  const { batchId, ageSeconds } = facts.load;
  const loaded = `batch ${batchId} was loaded ${spanText(ageSeconds)} ago`;
  if (events === 'pass')
    return { status, diagnosis: 'fresh', batchId, message: `${loaded}${alsoText(facts)}` };
  const latest = `but the latest time in the data is ${spanText(facts.eventAgeSeconds ?? 0)} old`;
  return { status, diagnosis: 'data_old', batchId, message: `${loaded}, ${latest}${alsoText(facts)}` };
};

type Cause = Omit<FreshnessVerdict, 'status'>;

/** Why nothing new was loaded within `limit`. */
const causeOf = (facts: FreshnessFacts, limit: number): Cause => {
  const { load, repeat, unfinished } = facts;
  if (unfinished !== null && unfinished.ageSeconds <= limit) return unfinishedCause(unfinished);
  const since =
    load === null ? 'nothing new was ever loaded' : `nothing new for ${spanText(load.ageSeconds)}`;
  if (repeat !== null && repeat.ageSeconds <= limit)
    return {
      diagnosis: 'replayed_only',
      batchId: repeat.batchId,
      message: `${since}; ${repeatText(repeat)} is no sign of life of the source${alsoText(facts)}`,
    };
  return load === null ? neverLoaded(facts) : silent(facts, load);
};

const silent = (facts: FreshnessFacts, load: NonNullable<FreshnessFacts['load']>): Cause => {
  const { lastFileAgeSeconds, unfinished } = facts;
  const lastFile = spanText(lastFileAgeSeconds ?? load.ageSeconds);
  const known =
    unfinished === null && lastFileAgeSeconds !== null && lastFileAgeSeconds < load.ageSeconds - 1
      ? `; the file that came ${lastFile} ago held nothing new`
      : '';
  return {
    diagnosis: 'source_silent',
    batchId: load.batchId,
    message: `the source is silent: its last load, batch ${load.batchId}, was ${spanText(load.ageSeconds)} ago${known}${alsoText(facts)}`,
  };
};

const neverLoaded = (facts: FreshnessFacts): Cause =>
  facts.unfinished === null
    ? { diagnosis: 'never_loaded', batchId: null, message: 'nothing was ever loaded' }
    : unfinishedCause(facts.unfinished);

const unfinishedCause = ({ batchId, ageSeconds, state, error, audience }: UnfinishedBatch): Cause => {
  const came = `batch ${batchId} came ${spanText(ageSeconds)} ago`;
  const why = error === null ? '' : `: ${error}`;
  if (state === 'running')
    return ageSeconds > STUCK_AFTER_SECONDS
      ? { diagnosis: 'pipeline_failed', batchId, message: `${came} and is not published yet: it is stuck` }
      : { diagnosis: 'loading', batchId, message: `${came} and is being loaded` };
  const isRefused = state === 'rejected' || audience === 'sender';
  const diagnosis = isRefused ? 'file_refused' : 'pipeline_failed';
  return { diagnosis, batchId, message: `${came} and ${isRefused ? 'was refused' : 'failed'}${why}` };
};

const repeatText = ({ kind, ageSeconds }: NonNullable<FreshnessFacts['repeat']>): string =>
  `${kind === 'replay' ? 'a replay of dead letters' : 'a known content loaded again'} ${spanText(ageSeconds)} ago`;

/** What else is wrong: it is not the cause, and should be known. */
const alsoText = ({ unfinished }: FreshnessFacts): string => {
  if (unfinished === null) return '';
  const { message, diagnosis } = unfinishedCause(unfinished);
  return diagnosis === 'loading' ? '' : `; ${message}`;
};

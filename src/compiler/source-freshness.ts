import { z } from 'zod/v4';
import type { FreshnessLimits, FreshnessRules } from '../domain/freshness';
import type { ManifestSource } from './manifest';

const SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;

const Threshold = z
  .looseObject({
    count: z.number('must be a number').int('must be a whole number').min(1, 'must be at least 1'),
    period: z.enum(['minute', 'hour', 'day'], 'must be minute, hour or day'),
  })
  .nullish();

/** `freshness` of a source or a table, as in dbt. */
export const Freshness = z
  .looseObject({ warn_after: Threshold, error_after: Threshold, filter: z.string().nullish() })
  .nullish();
export type Freshness = z.infer<typeof Freshness>;

export interface FreshnessLevels {
  /** From the farthest level to the nearest; undefined where one says nothing, null where it switches off. */
  readonly freshness: readonly Freshness[];
  /** The same of `meta.event_freshness`. */
  readonly events: readonly Freshness[];
}

/** A nearer level goes over a farther one key by key, and `null` takes all of it away, as in dbt. */
const merge = (levels: readonly Freshness[]): Freshness => {
  let merged: Freshness;
  for (const level of levels) {
    if (level === null) merged = null;
    else if (level !== undefined) merged = { ...merged, ...level };
  }
  return merged;
};

/** What of a source goes into the manifest. */
export const mergeFreshness = ({
  freshness,
  events,
}: FreshnessLevels): Pick<ManifestSource, 'freshness' | 'eventFreshness'> => {
  const own = merge(freshness);
  const ofEvents = merge(events);
  return {
    ...(own ? { freshness: own } : {}),
    ...(ofEvents === undefined ? {} : { eventFreshness: ofEvents }),
  };
};

/** A plan of an earlier strata may hold what this one would refuse: that declares nothing. */
const asFreshness = (stored: unknown): Freshness => Freshness.safeParse(stored).data;

const limitsOf = (freshness: Freshness): FreshnessLimits => {
  const seconds = (threshold: z.infer<typeof Threshold>): number | null =>
    threshold ? threshold.count * SECONDS[threshold.period] : null;
  return {
    warnAfterSeconds: seconds(freshness?.warn_after),
    errorAfterSeconds: seconds(freshness?.error_after),
  };
};

/**
 * The rules that a source declares; undefined where it declares none. The times in its data are measured by the same
 * limits as their arrival, unless it has limits of their own for them.
 */
export const freshnessRulesOf = (source: ManifestSource): FreshnessRules | undefined => {
  const arrival = limitsOf(asFreshness(source.freshness));
  const isOwn = source.eventFreshness !== undefined;
  const events = isOwn ? limitsOf(asFreshness(source.eventFreshness)) : arrival;
  const limits = [arrival, events].flatMap((l) => [l.warnAfterSeconds, l.errorAfterSeconds]);
  return limits.every((limit) => limit === null) ? undefined : { arrival, events: { ...events, isOwn } };
};

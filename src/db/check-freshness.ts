import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import type { Manifest, ManifestSource } from '../compiler/manifest';
import { selectSources } from '../compiler/select-nodes';
import { freshnessRulesOf } from '../compiler/source-freshness';
import { type FreshnessRules, judgeFreshness, worst } from '../domain/freshness';
import type { FreshnessInput, FreshnessResult, SourceFreshness } from '../wire/freshness';
import { type DatasetFacts, freshnessFacts } from './freshness-facts';
import { findFreshness, recordFreshness } from './freshness-results';
import { isoTime } from './iso-time';
import { sql } from './sql';

export interface CheckFreshnessRequest extends Pick<FreshnessInput, 'select' | 'exclude' | 'asOf'> {
  /** A check is made once: asked again, it answers with what it found then. */
  readonly checkId: string;
  readonly manifest: Manifest;
}

const Moment = z.object({ moment: z.string() });

const momentOf = (db: CommonQueryMethods, asOf: string | undefined): Promise<string> =>
  db.oneFirst(sql.type(Moment)`
    select ${isoTime(sql.fragment`coalesce(${asOf ?? null}::timestamptz, clock_timestamp())`)} as moment
  `);

const seconds = (age: number | null): number | null => (age === null ? null : Math.max(0, Math.floor(age)));

const identityOf = (source: ManifestSource, rules: FreshnessRules) => ({
  sourceId: source.id,
  source: `${source.sourceName}.${source.name}`,
  dataset: source.dataset ?? null,
  ...rules.arrival,
  eventWarnAfterSeconds: rules.events.warnAfterSeconds,
  eventErrorAfterSeconds: rules.events.errorAfterSeconds,
});

const NOTHING_KNOWN = {
  loadedAt: null,
  ageSeconds: null,
  latestEventAt: null,
  eventAgeSeconds: null,
  batchId: null,
} as const;

/** Why the ledger can't judge a source, if it can't. */
const unjudgeable = (source: ManifestSource): Pick<SourceFreshness, 'diagnosis' | 'message'> | undefined => {
  if (source.dataset === undefined)
    return {
      diagnosis: 'not_loaded_here',
      message: 'strata does not load this table: its ledger knows nothing of it',
    };
  return source.freshness?.['filter'] === undefined || source.freshness['filter'] === null
    ? undefined
    : { diagnosis: 'unsupported', message: 'freshness.filter asks for rows; the ledger has none' };
};

const judge = (
  source: ManifestSource,
  rules: FreshnessRules,
  facts: ReadonlyMap<string, DatasetFacts>,
): SourceFreshness => {
  const identity = identityOf(source, rules);
  const reason = unjudgeable(source);
  if (reason !== undefined) return { ...identity, ...NOTHING_KNOWN, ...reason, status: 'skipped' };
  const known = facts.get(source.dataset ?? '');
  if (known === undefined) throw new Error(`The ledger gave no answer for ${source.id}`);
  return {
    ...identity,
    loadedAt: known.loadedAt,
    ageSeconds: seconds(known.load?.ageSeconds ?? null),
    latestEventAt: known.latestEventAt,
    eventAgeSeconds: seconds(known.eventAgeSeconds),
    ...judgeFreshness(known, rules),
  };
};

const isJudged = (status: SourceFreshness['status']): status is FreshnessResult['status'] =>
  status !== 'skipped';

/** What a check came to as a whole. */
export interface CheckedFreshness extends Pick<FreshnessResult, 'checkId' | 'asOf' | 'status'> {
  readonly sources: SourceFreshness[];
}

const concluded = (checkId: string, asOf: string, sources: SourceFreshness[]): CheckedFreshness => ({
  checkId,
  asOf,
  status: worst(sources.map(({ status }) => status).filter(isJudged)),
  sources,
});

/**
 * Judges the freshness of the sources that declare one, from the ledger alone, and records it, in one transaction.
 * @throws SELECTOR_INVALID, SELECTION_EMPTY
 */
export const checkFreshness = async (
  pool: DatabasePool,
  { checkId, manifest, asOf, select, exclude }: CheckFreshnessRequest,
): Promise<CheckedFreshness> => {
  const declared = selectSources(manifest, { select, exclude }).flatMap((source) => {
    const rules = freshnessRulesOf(source);
    return rules === undefined ? [] : [{ source, rules }];
  });
  return pool.transaction(async (db) => {
    const moment = await momentOf(db, asOf);
    const datasets = declared.flatMap(({ source }) => source.dataset ?? []);
    const facts = await freshnessFacts(db, [...new Set(datasets)], moment);
    const sources = declared.map(({ source, rules }) => judge(source, rules, facts));
    await recordFreshness(db, { checkId, asOf: moment, sources });
    const recorded = await findFreshness(db, checkId);
    return concluded(checkId, recorded.asOf ?? moment, recorded.sources);
  });
};

import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { FRESHNESS_DIAGNOSES, FRESHNESS_STATUSES, type SourceFreshness } from '../wire/freshness';
import { isoTime } from './iso-time';
import { sql } from './sql';

const seconds = z.coerce.number().nullable();

const ResultRow = z.object({
  sourceId: z.string(),
  source: z.string(),
  dataset: z.string().nullable(),
  status: z.enum(FRESHNESS_STATUSES),
  diagnosis: z.enum(FRESHNESS_DIAGNOSES),
  message: z.string(),
  asOf: z.string(),
  loadedAt: z.string().nullable(),
  ageSeconds: seconds,
  warnAfterSeconds: seconds,
  errorAfterSeconds: seconds,
  latestEventAt: z.string().nullable(),
  eventAgeSeconds: seconds,
  eventWarnAfterSeconds: seconds,
  eventErrorAfterSeconds: seconds,
  batchId: z.string().nullable(),
});

export type RecordedFreshness = SourceFreshness & { readonly asOf: string };

const columns = sql.fragment`
  source_id as "sourceId", source, dataset, status, diagnosis, message, ${isoTime('as_of')} as "asOf",
  ${isoTime('loaded_at')} as "loadedAt", age_seconds as "ageSeconds", warn_after_seconds as "warnAfterSeconds",
  error_after_seconds as "errorAfterSeconds", ${isoTime('latest_event_at')} as "latestEventAt",
  event_age_seconds as "eventAgeSeconds", event_warn_after_seconds as "eventWarnAfterSeconds",
  event_error_after_seconds as "eventErrorAfterSeconds", batch_id as "batchId"
`;

export interface FreshnessCheck {
  readonly checkId: string;
  /** The moment that was judged. */
  readonly asOf: string;
  readonly sources: readonly SourceFreshness[];
}

/** Records what a check found; of a check that is recorded already, nothing. */
export const recordFreshness = async (
  db: CommonQueryMethods,
  { checkId, asOf, sources }: FreshnessCheck,
): Promise<void> => {
  for (const s of sources)
    await db.query(sql.typeAlias('void')`
      insert into ops.freshness_result (
        check_id, source_id, source, dataset, status, diagnosis, message, as_of, loaded_at, age_seconds,
        warn_after_seconds, error_after_seconds, latest_event_at, event_age_seconds, event_warn_after_seconds,
        event_error_after_seconds, batch_id
      )
      values (
        ${checkId}, ${s.sourceId}, ${s.source}, ${s.dataset}, ${s.status}, ${s.diagnosis}, ${s.message},
        ${asOf}::timestamptz, ${s.loadedAt}::timestamptz, ${s.ageSeconds}, ${s.warnAfterSeconds}::bigint,
        ${s.errorAfterSeconds}::bigint, ${s.latestEventAt}::timestamptz, ${s.eventAgeSeconds},
        ${s.eventWarnAfterSeconds}::bigint, ${s.eventErrorAfterSeconds}::bigint, ${s.batchId}::bigint
      )
      on conflict (check_id, source_id) do nothing
    `);
};

/** What a check has recorded; without a moment where it had nothing to judge. */
export const findFreshness = async (
  db: CommonQueryMethods,
  checkId: string,
): Promise<{ readonly asOf: string | undefined; readonly sources: SourceFreshness[] }> => {
  const rows = await db.any(sql.type(ResultRow)`
    select ${columns} from ops.freshness_result where check_id = ${checkId} order by source_id
  `);
  return { asOf: rows[0]?.asOf, sources: rows.map(({ asOf: _, ...source }) => source) };
};

/** The newest result of each source that was ever judged. */
export const newestFreshness = (db: CommonQueryMethods): Promise<readonly RecordedFreshness[]> =>
  db.any(sql.type(ResultRow)`
    select ${columns}
    from (
      select distinct on (source_id) *
      from ops.freshness_result
      order by source_id asc, as_of desc, checked_at desc
    ) as newest
    order by source_id
  `);

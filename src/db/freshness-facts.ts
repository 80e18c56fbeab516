import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { errorCatalogue, isErrorCode } from '../domain/errors';
import type { FreshnessFacts, UnfinishedBatch } from '../domain/freshness';
import { isoTime } from './iso-time';
import { sql } from './sql';

const FactsRow = z.object({
  dataset: z.string(),
  load_batch: z.string().nullable(),
  loaded_at: z.string().nullable(),
  load_age: z.number().nullable(),
  repeat_kind: z.enum(['file', 'replay']).nullable(),
  repeat_batch: z.string().nullable(),
  repeat_age: z.number().nullable(),
  file_batch: z.string().nullable(),
  file_state: z.string().nullable(),
  file_error_code: z.string().nullable(),
  file_error: z.string().nullable(),
  file_age: z.number().nullable(),
  last_file_age: z.number().nullable(),
  latest_event_at: z.string().nullable(),
  event_age: z.number().nullable(),
});
type FactsRow = z.infer<typeof FactsRow>;

/** What the ledger knew of a dataset, with the moments themselves. */
export interface DatasetFacts extends FreshnessFacts {
  readonly loadedAt: string | null;
  readonly latestEventAt: string | null;
}

const age = (column: string, asOf: string) => sql.fragment`
  extract(epoch from ${asOf}::timestamptz - ${sql.identifier(column.split('.'))})::float8
`;

/**
 * What the ledger knew at a moment, of each dataset by its name. It reads a few rows by their indexes, however many
 * rows the datasets have.
 */
export const freshnessFacts = async (
  db: CommonQueryMethods,
  datasets: readonly string[],
  asOf: string,
): Promise<Map<string, DatasetFacts>> => {
  const rows = await db.any(sql.type(FactsRow)`
    select
      d.dataset,
      l.batch_id as load_batch,
      ${isoTime('l.loaded_at')} as loaded_at,
      ${age('l.loaded_at', asOf)} as load_age,
      r.kind as repeat_kind,
      r.batch_id as repeat_batch,
      ${age('r.loaded_at', asOf)} as repeat_age,
      f.batch_id as file_batch,
      f.state as file_state,
      f.error_code as file_error_code,
      f.error as file_error,
      ${age('f.accepted_at', asOf)} as file_age,
      ${age('n.accepted_at', asOf)} as last_file_age,
      ${isoTime('e.latest_event_at')} as latest_event_at,
      ${age('e.latest_event_at', asOf)} as event_age
    from unnest(${sql.array([...datasets], 'text')}) as d (dataset)
    -- The newest load of a file that brought something new.
    left join lateral (
      select l.batch_id, l.loaded_at, l.position
      from ops.load as l
      inner join ops.batch as b on b.batch_id = l.batch_id
      where
        l.dataset = d.dataset and l.kind = 'file' and l.position is not null and l.loaded_at <= ${asOf}::timestamptz
        and not (
          b.forced
          and exists (
            select from ops.batch as o
            where o.dataset = b.dataset and o.sha256 = b.sha256 and o.state = 'published' and o.batch_id < b.batch_id
          )
        )
      order by l.position desc
      limit 1
    ) as l on true
    -- What was published after it, brought nothing new.
    left join lateral (
      select l2.kind, l2.batch_id, l2.loaded_at
      from ops.load as l2
      where
        l2.dataset = d.dataset and l2.loaded_at <= ${asOf}::timestamptz
        and l2.position > coalesce(l.position, 0)
      order by l2.position desc
      limit 1
    ) as r on true
    -- The newest file after it that did not get through, in its state of that moment.
    left join lateral (
      select
        b.batch_id, b.accepted_at,
        case when b.finished_at <= ${asOf}::timestamptz then b.state else 'loading' end as state,
        case when b.finished_at <= ${asOf}::timestamptz then b.error_code end as error_code,
        case when b.finished_at <= ${asOf}::timestamptz then b.error end as error
      from ops.batch as b
      where
        b.dataset = d.dataset and b.accepted_at <= ${asOf}::timestamptz and b.batch_id > coalesce(l.batch_id, 0)
        and (b.state not in ('published', 'duplicate') or b.finished_at > ${asOf}::timestamptz)
      order by b.batch_id desc
      limit 1
    ) as f on true
    left join lateral (
      select b.accepted_at
      from ops.batch as b
      where b.dataset = d.dataset and b.accepted_at <= ${asOf}::timestamptz
      order by b.batch_id desc
      limit 1
    ) as n on true
    left join lateral (
      select l3.latest_event_at
      from ops.load as l3
      where
        l3.dataset = d.dataset and l3.position is not null and l3.latest_event_at is not null
        and l3.loaded_at <= ${asOf}::timestamptz
      order by l3.latest_event_at desc
      limit 1
    ) as e on true
  `);
  return new Map(rows.map((row) => [row.dataset, factsOf(row)]));
};

const factsOf = (row: FactsRow): DatasetFacts => ({
  load:
    row.load_batch === null || row.load_age === null
      ? null
      : { batchId: row.load_batch, ageSeconds: row.load_age },
  repeat:
    row.repeat_kind === null || row.repeat_age === null
      ? null
      : { kind: row.repeat_kind, batchId: row.repeat_batch, ageSeconds: row.repeat_age },
  unfinished: unfinishedOf(row),
  lastFileAgeSeconds: row.last_file_age,
  eventAgeSeconds: row.event_age,
  loadedAt: row.loaded_at,
  latestEventAt: row.latest_event_at,
});

const unfinishedOf = (row: FactsRow): UnfinishedBatch | null => {
  const { file_batch: batchId, file_age: ageSeconds, file_state: state, file_error_code: code } = row;
  if (batchId === null || ageSeconds === null) return null;
  return {
    batchId,
    ageSeconds,
    state: state === 'failed' || state === 'rejected' ? state : 'running',
    error: code === null ? row.file_error : `${code}: ${row.file_error ?? ''}`,
    ...(isErrorCode(code) ? { audience: errorCatalogue[code].audience } : {}),
  };
};

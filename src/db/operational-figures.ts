import type { CommonQueryMethods } from 'slonik';
import { CHANNELS, SEVERITIES } from '../wire/alerts';
import { sql } from './sql';
import { z } from 'zod';

const DatasetFigures = z.object({
  dataset: z.string(),
  /** Seconds since the newest publication. */
  ageSeconds: z.number().nullable(),
  /** Age of the oldest published load that some model has not consumed, in seconds; 0 when there is none. */
  lagSeconds: z.number(),
  openDeadLetters: z.number(),
  /** Batches that were accepted and are neither published nor given up. */
  unfinishedBatches: z.number(),
});
export type DatasetFigures = z.infer<typeof DatasetFigures>;

/** What a monitor asks for again and again: per dataset, from the ledger and the queue, never from rows. */
export const datasetFigures = (db: CommonQueryMethods): Promise<readonly DatasetFigures[]> =>
  db.any(sql.type(DatasetFigures)`
    select
      d.dataset,
      extract(epoch from clock_timestamp() - newest.loaded_at)::float8 as "ageSeconds",
      coalesce(extract(epoch from clock_timestamp() - waiting.loaded_at), 0)::float8 as "lagSeconds",
      letters.open::int as "openDeadLetters",
      unfinished.batches::int as "unfinishedBatches"
    from (select distinct dataset from ops.batch) as d
    cross join lateral (
      select max(l.loaded_at) as loaded_at
      from ops.load as l
      where l.dataset = d.dataset and l.position is not null
    ) as newest
    cross join lateral (
      select min(l.loaded_at) as loaded_at
      from ops.model_progress as p
      inner join ops.load as l on l.dataset = d.dataset and l.position > p.position
      where p.upstream = 'dataset:' || d.dataset
    ) as waiting
    cross join lateral (
      select count(*) as open
      from ops.dead_letter_queue as q
      where q.dataset = d.dataset and q.state = 'open'
    ) as letters
    cross join lateral (
      select count(*) as batches
      from ops.batch as b
      where b.dataset = d.dataset and b.state in ('accepted', 'loading', 'loaded')
    ) as unfinished
    order by d.dataset
  `);

const Count = z.object({ count: z.number() });

export const runsUnderWay = async (db: CommonQueryMethods): Promise<number> =>
  (await db.one(sql.type(Count)`select count(*)::int as count from ops.run where state = 'running'`)).count;

const SeverityCount = z.object({ severity: z.enum(SEVERITIES), incidents: z.number() });

/** Incidents that are open, of each severity. */
export const openIncidents = (db: CommonQueryMethods): Promise<readonly z.infer<typeof SeverityCount>[]> =>
  db.any(sql.type(SeverityCount)`
    select s.severity, count(i.incident_id)::int as incidents
    from unnest(${sql.array([...SEVERITIES], 'text')}) as s (severity)
    left join ops.incident as i on i.severity = s.severity and i.state = 'firing'
    group by s.severity
  `);

const ChannelCount = z.object({ channel: z.enum(CHANNELS), messages: z.number() });

/** Messages that were given up in the last 24 hours, of each channel. */
export const failedAlerts = (db: CommonQueryMethods): Promise<readonly z.infer<typeof ChannelCount>[]> =>
  db.any(sql.type(ChannelCount)`
    select c.channel, count(d.delivery_id)::int as messages
    from unnest(${sql.array([...CHANNELS], 'text')}) as c (channel)
    left join ops.alert_delivery as d
      on d.channel = c.channel and d.state = 'failed' and d.finished_at > clock_timestamp() - interval '1 day'
    group by c.channel
  `);

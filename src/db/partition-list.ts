import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { isWithin, monthOrdinal, rangeOfName } from '../compiler/materializations/partitions';
import { archivesOf } from './partition-archives';
import { countAll } from './count-all';
import { sql } from './sql';

const PartitionedRow = z.object({
  relation: z.string(),
  schema: z.string(),
  name: z.string(),
  model: z.string(),
  field: z.string(),
});
export type PartitionedRelation = z.infer<typeof PartitionedRow>;

/** The relations of models that are partitioned, as they stand; of one model by its name or its relation. */
export const partitionedRelations = (
  connection: CommonQueryMethods,
  model?: string,
): Promise<readonly PartitionedRelation[]> =>
  connection.any(sql.type(PartitionedRow)`
    select r.relation, n.nspname as schema, c.relname as name, substring(r.node_id from '[^.]+$') as model,
      r.config -> 'partition_by' ->> 'field' as field
    from ops.relation as r
    inner join pg_namespace as n on starts_with(r.relation, n.nspname || '.')
    inner join pg_class as c on c.relnamespace = n.oid and n.nspname || '.' || c.relname = r.relation
    where c.relkind = 'p' and r.config -> 'partition_by' ->> 'field' is not null
      and (${model ?? null}::text is null or ${model ?? null} in (r.relation, substring(r.node_id from '[^.]+$')))
    order by r.relation
  `);

const LiveRow = z.object({
  name: z.string(),
  rows: z.coerce.number(),
  bytes: z.coerce.number(),
});

const ChangeRow = z.object({ month: z.string(), changedAt: z.string() });

export interface PartitionItem {
  readonly model: string;
  readonly relation: string;
  readonly partition: string;
  /** Months `[from, to)` as `YYYY-MM-01`; null of one that strata did not make. */
  readonly from: string | null;
  readonly to: string | null;
  /** `detached`: on its way to the archive, and whole beside the relation. */
  readonly state: 'live' | 'detached' | 'archived';
  /** Null until they are counted. */
  readonly rows: number | null;
  /** Of one that is archived: its file's. */
  readonly bytes: number | null;
  readonly changedAt: string | null;
  /** The file of one that is archived, or about to be. */
  readonly location: string | null;
}

/** Rows are those that PostgreSQL's statistics know of, and cost nothing; `exact` counts them. */
const livePartitions = (connection: CommonQueryMethods, { schema, name }: PartitionedRelation) =>
  connection.any(sql.type(LiveRow)`
    select c.relname as name,
      case when c.reltuples >= 0 and coalesce(s.n_mod_since_analyze, 0) = 0 then c.reltuples::bigint
        else coalesce(s.n_live_tup, greatest(c.reltuples, 0)::bigint) end as rows,
      pg_total_relation_size(c.oid) as bytes
    from pg_inherits as i
    inner join pg_class as p on p.oid = i.inhparent
    inner join pg_namespace as n on n.oid = p.relnamespace
    inner join pg_class as c on c.oid = i.inhrelid
    left join pg_stat_all_tables as s on s.relid = c.oid
    where n.nspname = ${schema} and p.relname = ${name}
    order by c.relname
  `);

const changesOf = (connection: CommonQueryMethods, { relation }: PartitionedRelation) =>
  connection.any(sql.type(ChangeRow)`
    select month::text as month, to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "changedAt"
    from ops.partition_change where relation = ${relation} order by month
  `);

/** The partitions of a relation, oldest first. */
export const partitionItems = async (
  connection: CommonQueryMethods,
  relation: PartitionedRelation,
  { exact = false }: { readonly exact?: boolean } = {},
): Promise<PartitionItem[]> => {
  const live = await livePartitions(connection, relation);
  const changes = await changesOf(connection, relation);
  const items: PartitionItem[] = [];
  for (const { name, rows, bytes } of live) {
    const range = rangeOfName(relation.name, name);
    const times = changes
      .filter(({ month }) => range && isWithin(month, range))
      .map(({ changedAt }) => changedAt);
    items.push({
      model: relation.model,
      relation: relation.relation,
      partition: name,
      from: range?.from ?? null,
      to: range?.to ?? null,
      state: 'live',
      rows: exact ? await countAll(connection, { schema: relation.schema, name }) : rows,
      bytes,
      changedAt: times.sort().at(-1) ?? null,
      location: null,
    });
  }
  const isLive = new Set(live.map(({ name }) => name));
  for (const archive of await archivesOf(connection, relation))
    if (!isLive.has(archive.partition))
      items.push({
        model: relation.model,
        relation: relation.relation,
        partition: archive.partition,
        from: archive.from,
        to: archive.to,
        state: archive.state === 'archived' ? 'archived' : 'detached',
        rows: archive.manifest?.rows ?? null,
        bytes: archive.bytes,
        changedAt: archive.changedAt,
        location: archive.location,
      });
  // One that strata did not make goes first.
  const start = ({ from }: PartitionItem): number => (from === null ? -1 : monthOrdinal(from));
  return items.sort((a, b) => start(a) - start(b));
};

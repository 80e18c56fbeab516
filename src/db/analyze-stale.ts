import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import { rawSql } from './raw-sql';
import { sql } from './sql';

/** As autovacuum counts (autovacuum_analyze_threshold, _scale_factor): what it has seen to is left alone. */
const CHANGED_ROWS = 50;
const CHANGED_SHARE = 0.1;

const Stale = z.object({ schema: z.string(), name: z.string() });
type Stale = z.infer<typeof Stale>;

/**
 * The tables of the warehouse whose statistics are out of date: never taken, or of much that has changed since. Mostly
 * partitioned ones, which autovacuum never looks at as a whole: those whose partitions it has seen to since, too.
 */
const staleTables = (pool: DatabasePool): Promise<readonly Stale[]> =>
  pool.any(sql.type(Stale)`
    with tables as (
      select c.oid, n.nspname as schema, c.relname as name
      from pg_class as c
      inner join pg_namespace as n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition and (
        n.nspname in ('ops', 'strata_bronze', 'strata_feed', 'strata_keys')
        or exists (select from ops.relation as r where r.relation = n.nspname || '.' || c.relname)
      )
    ),
    counted as (
      select t.schema, t.name, own.at as analyzed_at, parts.analyzed_at as part_analyzed_at, parts.changed, parts.live
      from tables as t
      cross join lateral (
        select greatest(s.last_analyze, s.last_autoanalyze) as at from pg_stat_all_tables as s where s.relid = t.oid
      ) as own
      cross join lateral (
        select sum(s.n_mod_since_analyze) as changed, sum(s.n_live_tup) as live,
          max(s.last_autoanalyze) as analyzed_at
        from pg_stat_all_tables as s
        where s.relid = t.oid or s.relid in (select p.relid from pg_partition_tree(t.oid) as p)
      ) as parts
    )
    select schema, name from counted
    where (analyzed_at is null and live > 0) or part_analyzed_at > analyzed_at
      or changed > ${CHANGED_ROWS}::int + ${CHANGED_SHARE}::float8 * live
    order by schema, name
  `);

/**
 * Takes the statistics of tables anew where they are out of date. One that somebody holds is left to the next time; so
 * is one that isn't ours (PostgreSQL warns, and goes on). Returns their names.
 */
export const analyzeStale = async (
  pool: DatabasePool,
  { signal }: { readonly signal: AbortSignal },
): Promise<string[]> => {
  const stale = await staleTables(pool);
  for (const relation of stale) {
    signal.throwIfAborted();
    await pool.query(rawSql(`analyze (skip_locked) ${relationSql(relation)}`));
  }
  return stale.map(({ schema, name }) => `${schema}.${name}`);
};

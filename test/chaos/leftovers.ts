import { readdirSync } from 'node:fs';
import { ask, HARNESS } from './ask';

const DATASETS = ['customers', 'transactions', 'marketing_spend'];
const SCHEMAS = [
  'bronze',
  'gold',
  'ops',
  'platinum',
  'public',
  'silver',
  'strata_bronze',
  'strata_feed',
  'strata_keys',
];

const heapRows = DATASETS.map(
  (dataset) => `
    select '${dataset}' as name from strata_bronze.${dataset} as h
    inner join ops.load as l on l.load_id = h._load_id
    inner join ops.batch as b on b.batch_id = l.batch_id
    where l.position is null and b.state not in ('accepted', 'loading', 'loaded')
    union all
    select '${dataset}' from strata_bronze.${dataset} as h
    left join ops.load as l on l.load_id = h._load_id
    where l.load_id is null or (l.kind = 'replay' and l.position is null)`,
).join(' union all ');

/** What must not be there when nothing runs; each query names what it finds. */
const LEFTOVERS: Readonly<Record<string, string>> = {
  'advisory locks': `
    select l.objid::text as name from pg_locks as l
    inner join pg_database as d on d.oid = l.database
    where l.locktype = 'advisory' and d.datname = current_database()`,
  'sessions within a transaction': `
    select application_name || ' ' || state as name from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'`,
  'sessions of loads and nodes': `
    select application_name as name from pg_stat_activity
    where datname = current_database() and application_name <> '${HARNESS}' and state = 'active'
      and backend_type = 'client backend'`,
  'prepared transactions': 'select gid as name from pg_prepared_xacts',
  'relations half built': `
    select relnamespace::regnamespace || '.' || relname as name from pg_class
    where relnamespace in (select oid from pg_namespace where starts_with(nspname, 'strata_build'))`,
  'temporary relations': "select relname as name from pg_class where relpersistence = 't'",
  'schemas that nobody knows': `
    select nspname as name from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname not in ('${SCHEMAS.join("', '")}')`,
  'rows of what was not published': heapRows,
  'batches without an end': `
    select batch_id || ' ' || state as name from ops.batch where state in ('accepted', 'loading', 'loaded')`,
  'replays without an end': `
    select replay_id || ' ' || state as name from ops.dead_letter_replay where state in ('requested', 'loaded')`,
  'mended letters that were not replayed': `
    select id::text as name from ops.dead_letter where state = 'open' and corrected is not null`,
  'nodes that stay suspended': 'select node_id as name from ops.node_suspension where lifted_at is null',
  'messages that did not get out':
    "select event || ' ' || state as name from ops.alert_delivery where state <> 'delivered'",
  'runs without an end': "select run_id as name from ops.run where state = 'running'",
};

/** What faults have left behind, in words. */
export const leftovers = async (databaseUrl: string): Promise<string[]> => {
  const found: string[] = [];
  for (const [what, query] of Object.entries(LEFTOVERS)) {
    const rows = await ask<{ name: string }>(databaseUrl, query);
    if (rows.length > 0) {
      const names = rows.slice(0, 3).map(({ name }) => name);
      found.push(`${rows.length} ${what}: ${names.join(', ')}`);
    }
  }
  return found;
};

/** The files that still lie in a folder itself. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

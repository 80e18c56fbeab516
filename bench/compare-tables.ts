/** Whether strata's tables and the floor's hold the same rows: all columns that the contract names, surrogate keys apart. */
import type { Client } from 'pg';
import { connect } from './floor';

const TABLES: Record<string, string> = {
  'silver.stg_transactions':
    'transaction_id, customer_id, transaction_date, amount, transaction_type, status',
  'silver.stg_customers':
    'customer_id, name, email, segment, plan_type, acquisition_channel, created_at, updated_at',
  'silver.stg_marketing_spend': 'spend_date, channel, amount',
  'gold.dim_customer':
    'customer_id, name, email, segment, plan_type, acquisition_channel, created_at, valid_from, valid_to, is_current',
  'gold.fct_transactions':
    'transaction_id, customer_id, transaction_date, amount, transaction_type, status, segment, plan_type',
  'platinum.mart_revenue_monthly': 'month, segment, revenue, transactions, customers',
  'platinum.mart_revenue_daily': 'day, revenue, transactions, customers',
  'platinum.mart_mrr_monthly':
    'month, mrr, active_customers, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr',
  'platinum.mart_kpis_monthly':
    'month, revenue, mrr, active_customers, new_customers, churned_customers, churn_rate, arpu, marketing_spend, cac',
};
const FETCHED_ROWS = 10_000;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Shows strata's tables in the floor's database, as foreign ones. */
const importTables = async (floor: Client, strataUrl: string): Promise<void> => {
  const url = new URL(strataUrl);
  await floor.query(`
    create extension if not exists postgres_fdw;
    drop server if exists strata cascade;
    create server strata foreign data wrapper postgres_fdw options (
      host ${literal(url.hostname)}, port ${literal(url.port)}, dbname ${literal(url.pathname.slice(1))},
      fetch_size '${FETCHED_ROWS}'
    );
    create user mapping for current_user server strata options (
      user ${literal(url.username)}, password ${literal(decodeURIComponent(url.password))}
    )`);
  for (const table of Object.keys(TABLES)) {
    const [schema = '', name = ''] = table.split('.');
    await floor.query(`
      create schema if not exists strata_${schema};
      import foreign schema ${schema} limit to (${name}) from server strata into strata_${schema}`);
  }
};

export interface Comparison {
  readonly tablesEqual: boolean;
  /** By table: how many rows there are, and how many are in one side only. */
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly different: number }>>;
}

/** Tables are equal where they have rows, and none that differs. */
export const comparisonOf = (tables: Comparison['tables']): Comparison => ({
  tablesEqual: Object.values(tables).every((t) => t.rows > 0 && t.different === 0),
  tables,
});

/** Counts the rows that either side has and the other has not (`except all`, both ways, in one pass). */
export const compareTables = async (floorUrl: string, strataUrl: string): Promise<Comparison> => {
  const floor = await connect(floorUrl);
  try {
    await floor.query("set work_mem = '512MB'");
    await importTables(floor, strataUrl);
    const tables: Record<string, { rows: number; different: number }> = {};
    for (const [table, columns] of Object.entries(TABLES)) {
      const { rows } = await floor.query<{ rows: string; different: string }>(`
        select coalesce(sum(rows), 0) as rows, coalesce(sum(abs(weight)), 0) as different
        from (
          select count(*) filter (where w = 1) as rows, sum(w) as weight
          from (
            select ${columns}, 1 as w from ${table}
            union all
            select ${columns}, -1 from strata_${table}
          ) as both_sides
          group by ${columns}
        ) as counted`);
      tables[table] = { rows: Number(rows[0]?.rows), different: Number(rows[0]?.different) };
    }
    return comparisonOf(tables);
  } finally {
    await floor.query('drop server if exists strata cascade').catch(() => undefined);
    await floor.end();
  }
};

/** By table: how many rows, and a sum over them that is the same for the same rows in any order. */
export type Digests = Readonly<Record<string, { readonly rows: number; readonly digest: string }>>;

export const digestTables = async (url: string): Promise<Digests> => {
  const client = await connect(url);
  try {
    const digests: Record<string, { rows: number; digest: string }> = {};
    for (const [table, columns] of Object.entries(TABLES)) {
      // Values that are equal have equal hashes, whatever their scale.
      const { rows } = await client.query<{ rows: string; digest: string | null }>(`
        select count(*) as rows, sum(hash_record_extended(row(${columns}), 42)::numeric)::text as digest from ${table}`);
      digests[table] = { rows: Number(rows[0]?.rows), digest: rows[0]?.digest ?? '' };
    }
    return digests;
  } finally {
    await client.end();
  }
};

/** Where digests differ, all rows of the table count as different. */
export const compareDigests = (expected: Digests, found: Digests): Comparison => {
  const tables = Object.fromEntries(
    Object.entries(expected).map(([table, { rows, digest }]) => {
      const other = found[table];
      const isEqual = other?.rows === rows && other.digest === digest;
      return [table, { rows, different: isEqual ? 0 : Math.max(rows, other?.rows ?? 0, 1) }];
    }),
  );
  return comparisonOf(tables);
};

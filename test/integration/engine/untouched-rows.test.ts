import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileEcho } from '../../support/compile-echo';
import { TestWarehouse } from '../../support/test-warehouse';

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

const DAY = 86_400_000_000n;
const JANUARY = BigInt(Date.UTC(2026, 0, 1)) * 1000n;

const customer = (id: string, day: bigint, plan: string) => ({
  customer_id: id,
  name: id,
  email: `${id}@example.com`,
  segment: 'growth',
  plan_type: plan,
  acquisition_channel: 'ads',
  created_at: JANUARY,
  updated_at: JANUARY + day * DAY,
});

const transaction = (id: string, customerId: string, day: bigint) => ({
  transaction_id: id,
  customer_id: customerId,
  transaction_date: JANUARY + day * DAY,
  amount: 1000n,
  transaction_type: 'subscription',
  status: 'completed',
});

const CUSTOMERS = [customer('a', 0n, 'basic'), customer('a', 40n, 'pro'), customer('b', 0n, 'basic')];
const TRANSACTIONS = [
  ...[transaction('a1', 'a', 10n), transaction('a2', 'a', 45n), transaction('a3', 'a', 75n)],
  ...[transaction('b1', 'b', 10n), transaction('b2', 'b', 45n), transaction('b3', 'b', 75n)],
];
const SPEND = [{ spend_date: '2026-01-10', channel: 'ads', amount: 5000n }];

const DOWNSTREAM = {
  'gold.dim_customer': "customer_id || '/' || valid_from::date",
  'gold.fct_transactions': 'transaction_id',
  'gold.int_customer_months': "customer_id || '/' || month",
  'platinum.mart_revenue_monthly': "month || '/' || segment",
  'platinum.mart_revenue_daily': 'day::text',
  'platinum.mart_mrr_monthly': 'month::text',
  'platinum.mart_kpis_monthly': 'month::text',
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

/** Which transaction wrote each row. */
const writers = async (): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for (const [table, key] of Object.entries(DOWNSTREAM))
    for (const row of await select(`select ${key} as key, xmin::text || ctid::text as place from ${table}`))
      found[`${table} ${String(row['key'])}`] = String(row['place']);
  return found;
};

const changedBetween = (before: Record<string, string>, after: Record<string, string>): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key])
    .sort();

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 2 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
  await warehouse.loadAndPublish('customers', 1, CUSTOMERS);
  await warehouse.loadAndPublish('transactions', 2, TRANSACTIONS);
  await warehouse.loadAndPublish('marketing_spend', 3, SPEND);
  await warehouse.run();
});

afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

// dbt-core#1294.
test('a known file once more only moves silver to a greater load order: nothing reaches feeds or what is downstream', async () => {
  const before = await writers();
  await warehouse.loadAndPublish('customers', 4, CUSTOMERS);
  await warehouse.loadAndPublish('transactions', 5, TRANSACTIONS);
  await warehouse.loadAndPublish('marketing_spend', 6, SPEND);
  const results = await warehouse.run();
  expect(changedBetween(before, await writers())).toEqual([]);
  const given = results.map(({ label, rows }) => [label, rows?.in, rows?.unchanged]);
  expect(given).toEqual(
    expect.arrayContaining([
      ['silver.stg_customers', 3, 3],
      ['silver.stg_transactions', 6, 6],
      ['silver.stg_marketing_spend', 1, 1],
      ['gold.dim_customer', 0, 0],
      ['gold.fct_transactions', 0, 0],
    ]),
  );
  expect(await select('select distinct _batch_id from silver.stg_transactions')).toEqual([
    { _batch_id: '5' },
  ]);
  const versions = await select('select relation from ops.relation where version <> 1');
  expect(versions).toEqual([]);
});

// SQLMesh#4606.
test('a change of one customer leaves the rows that it does not touch where they are', async () => {
  const before = await writers();
  // A backdated change within the customer's first window, before the transaction in it.
  await warehouse.loadAndPublish('customers', 7, [
    { ...customer('a', 5n, 'enterprise'), segment: 'starter' },
  ]);
  await warehouse.run();
  expect(changedBetween(before, await writers())).toEqual([
    'gold.dim_customer a/2026-01-01',
    'gold.dim_customer a/2026-01-06',
    'gold.fct_transactions a1',
    'platinum.mart_revenue_monthly 2026-01-01/growth',
    'platinum.mart_revenue_monthly 2026-01-01/starter',
  ]);
});

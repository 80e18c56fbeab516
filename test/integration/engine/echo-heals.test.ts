import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import type { NodeResult } from '../../../src/wire/transform';
import { compileEcho } from '../../support/compile-echo';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { customer, transaction } from '../../support/echo-rows';
import { emptyWarehouse } from '../../support/empty-warehouse';
import { TestWarehouse } from '../../support/test-warehouse';

/** Echo after what comes late, is corrected, or is taken back: only what it touches is made anew, and all of that. */

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;
let batchId = 0;

type Row = Readonly<Record<string, unknown>>;
type Batch = readonly [dataset: string, ...rows: object[]];

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 2 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
});
beforeEach(() => emptyWarehouse(pool));
/** What every test leaves is what a full refresh makes. */
afterEach(async () => {
  const tables = await warehouse.tables();
  await warehouse.run({ fullRefresh: true });
  expect(await warehouse.tables()).toEqual(tables);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const select = async (query: string): Promise<readonly Row[]> => (await pool.query(rawSql(query))).rows;

/** Batches that arrive together, and one run. Answers the periods that each mart recomputed. */
const arrive = async (...batches: Batch[]): Promise<Record<string, readonly string[] | undefined>> => {
  for (const [dataset, ...rows] of batches) await warehouse.loadAndPublish(dataset, ++batchId, rows);
  const results = await warehouse.run();
  return Object.fromEntries(results.map(({ label, periods }: NodeResult) => [label, periods]));
};

const facts = (): Promise<readonly Row[]> =>
  select(
    'select transaction_id as id, customer_id as customer, plan_type as plan from gold.fct_transactions order by 1',
  );

const revenue = (): Promise<readonly Row[]> =>
  select('select month::text, segment, revenue from platinum.mart_revenue_monthly order by 1, 2');

/** Months of MRR: what is not named is zero. */
const mrr = async (): Promise<Record<string, Record<string, number>>> => {
  const rows = await select(`select month::text, mrr, new_mrr as new, reactivation_mrr as back,
      expansion_mrr as more, contraction_mrr as less, churned_mrr as gone
    from platinum.mart_mrr_monthly order by 1`);
  const months: Record<string, Record<string, number>> = {};
  for (const { month, ...amounts } of rows) {
    const named: Record<string, number> = {};
    for (const [name, amount] of Object.entries(amounts))
      if (Number(amount) !== 0) named[name] = Number(amount);
    months[String(month).slice(0, 7)] = named;
  }
  return months;
};

/** Which transaction wrote each row of a table. */
const writers = async (table: string, key: string): Promise<Record<string, unknown>> => {
  const found: Record<string, unknown> = {};
  for (const row of await select(`select (${key})::text as key, xmin::text from ${table}`))
    found[String(row['key'])] = row['xmin'];
  return found;
};

/** The keys whose rows something has written, or taken away. */
const written = async (table: string, key: string, by: () => Promise<unknown>): Promise<string[]> => {
  const before = await writers(table, key);
  await by();
  const after = await writers(table, key);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((k) => before[k] !== after[k])
    .sort();
};

const monthly = (customerId: string, ...months: string[]) =>
  months.map((month) => transaction(`${customerId}-${month}`, customerId, `${month}-10`));

describe('facts', () => {
  test('of a customer that arrives after them get its attributes, and the marts its segment', async () => {
    await arrive(['transactions', ...monthly('c', '2024-01', '2024-02')]);
    expect(await facts()).toMatchObject([{ plan: null }, { plan: null }]);
    await arrive(['customers', customer('c', '2024-02-10', { created_at: '2024-02-10', segment: 'growth' })]);
    // January's is from before the customer was, February's of the moment in which it starts.
    expect(await facts()).toEqual([
      { id: 'c-2024-01', customer: 'c', plan: null },
      { id: 'c-2024-02', customer: 'c', plan: 'basic' },
    ]);
    expect(await revenue()).toEqual([
      { month: '2024-01-01', segment: 'unknown', revenue: '10.00' },
      { month: '2024-02-01', segment: 'growth', revenue: '10.00' },
    ]);
  });

  // dbt-core#7138, SQLMesh#5739, SQLMesh#5901.
  test('in the window that a backdated change cuts out are restated, and no others: its start is in, its end is not', async () => {
    await arrive(
      [
        'customers',
        customer('c', '2024-01-01'),
        customer('c', '2024-03-01', { plan_type: 'pro' }),
        customer('d', '2024-01-01'),
      ],
      [
        'transactions',
        transaction('before', 'c', '2024-01-31T23:59:59.999Z'),
        transaction('start', 'c', '2024-02-01'),
        transaction('within', 'c', '2024-02-15'),
        transaction('end', 'c', '2024-03-01'),
        transaction('other', 'd', '2024-02-15'),
      ],
    );
    const restated = await written('gold.fct_transactions', 'transaction_id', () =>
      arrive(['customers', customer('c', '2024-02-01', { plan_type: 'free' })]),
    );
    expect(restated).toEqual(['start', 'within']);
    expect(await facts()).toMatchObject([
      { id: 'before', plan: 'basic' },
      { id: 'end', plan: 'pro' },
      { id: 'other', plan: 'basic' },
      { id: 'start', plan: 'free' },
      { id: 'within', plan: 'free' },
    ]);
  });

  // pg-trickle#409.
  test('are right when both sides of the join change in one run', async () => {
    await arrive(
      [
        'customers',
        customer('c', '2024-01-01'),
        customer('c', '2024-02-01', { plan_type: 'free' }),
        customer('d', '2024-01-01'),
      ],
      [
        'transactions',
        transaction('stays', 'c', '2024-03-10'),
        transaction('moves', 'c', '2024-03-10'),
        transaction('goes', 'c', '2024-03-10'),
      ],
    );
    await arrive(
      // Both histories change, and a third customer comes.
      [
        'customers',
        customer('c', '2024-03-01', { plan_type: 'pro' }),
        customer('d', '2024-02-01', { plan_type: 'free' }),
        customer('e', '2024-01-01', { plan_type: 'enterprise' }),
      ],
      // One transaction moves to another customer, one to a window that stays as it was, and two are new.
      [
        'transactions',
        transaction('moves', 'd', '2024-03-10'),
        transaction('goes', 'c', '2024-01-10'),
        transaction('new-c', 'c', '2024-03-20'),
        transaction('new-e', 'e', '2024-03-20'),
      ],
    );
    expect(await facts()).toEqual([
      { id: 'goes', customer: 'c', plan: 'basic' },
      { id: 'moves', customer: 'd', plan: 'free' },
      { id: 'new-c', customer: 'c', plan: 'pro' },
      { id: 'new-e', customer: 'e', plan: 'enterprise' },
      { id: 'stays', customer: 'c', plan: 'pro' },
    ]);
  });
});

describe('marts', () => {
  // dbt-labs/segment#62, fivetran/dbt_jira#118.
  test('recompute both months of a transaction that moves; the report names them, the others stay where they are', async () => {
    await arrive([
      'transactions',
      ...monthly('a', '2024-01', '2024-02', '2024-03', '2024-04', '2024-05', '2024-06'),
      transaction('x', 'b', '2024-02-20'),
    ]);
    let periods: Awaited<ReturnType<typeof arrive>> = {};
    const months = await written('platinum.mart_revenue_monthly', 'month', async () => {
      periods = await arrive(['transactions', transaction('x', 'b', '2024-04-20')]);
    });
    expect(months).toEqual(['2024-02-01', '2024-04-01']);
    expect(periods).toMatchObject({
      'platinum.mart_revenue_monthly': ['2024-02-01', '2024-04-01'],
      'platinum.mart_revenue_daily': ['2024-02-20', '2024-04-20'],
      // The months after compare with them.
      'platinum.mart_mrr_monthly': ['2024-02-01', '2024-03-01', '2024-04-01', '2024-05-01'],
    });
    expect(periods['platinum.mart_kpis_monthly']).not.toContain('2024-01-01');
    expect(await revenue()).toMatchObject(
      ['10.00', '10.00', '10.00', '20.00', '10.00', '10.00'].map((r) => ({ revenue: r })),
    );
  });

  // meltano/squared#677: "max of 150 days late".
  test('a late row makes a new customer of a later month one that came back; months in between stay', async () => {
    await arrive(['transactions', ...monthly('base', '2023-01', '2024-06'), ...monthly('c', '2024-03')]);
    expect((await mrr())['2024-03']).toEqual({ mrr: 10, new: 10 });
    const months = await written('platinum.mart_mrr_monthly', 'month', () =>
      arrive(['transactions', ...monthly('c', '2023-01')]),
    );
    expect(months).toEqual(['2023-01-01', '2023-02-01', '2024-03-01']);
    expect(await mrr()).toMatchObject({
      '2023-01': { mrr: 20, new: 20 },
      '2023-02': { gone: 20 },
      '2023-03': {},
      '2024-02': {},
      '2024-03': { mrr: 10, back: 10 },
    });
  });

  test('a late row of the month before makes expansion of what was new', async () => {
    await arrive([
      'transactions',
      ...monthly('base', '2024-01', '2024-04'),
      transaction('t', 'c', '2024-03-10'),
    ]);
    const months = await written('platinum.mart_mrr_monthly', 'month', () =>
      arrive(['transactions', transaction('late', 'c', '2024-02-10', { amount: 400n })]),
    );
    expect(months).toEqual(['2024-02-01', '2024-03-01']);
    expect(await mrr()).toEqual({
      '2024-01': { mrr: 10, new: 10 },
      '2024-02': { mrr: 4, new: 4, gone: 10 },
      '2024-03': { mrr: 10, more: 6 },
      '2024-04': { mrr: 10, back: 10, gone: 10 },
    });
  });

  /** The same transactions, all failed after all. */
  const failed = (...rows: ReturnType<typeof monthly>): Batch => [
    'transactions',
    ...rows.map((row) => ({ ...row, status: 'failed' })),
  ];

  // posthog.com#8927.
  test('a month of MRR in which nothing is left is zero in the middle, and is no more at the ends', async () => {
    const months = ['2024-01', '2024-02', '2024-03', '2024-04', '2024-05'];
    await arrive(['transactions', ...monthly('c', ...months)]);
    await arrive(failed(...monthly('c', '2024-03')));
    expect(await mrr()).toEqual({
      '2024-01': { mrr: 10, new: 10 },
      '2024-02': { mrr: 10 },
      '2024-03': { gone: 10 },
      '2024-04': { mrr: 10, back: 10 },
      '2024-05': { mrr: 10 },
    });
    await arrive(failed(...monthly('c', '2024-05', '2024-01')));
    expect(await mrr()).toEqual({
      '2024-02': { mrr: 10, new: 10 },
      '2024-03': { gone: 10 },
      '2024-04': { mrr: 10, back: 10 },
    });
    // With April the zero of March is at the end, and goes as well.
    await arrive(failed(...monthly('c', '2024-04')));
    expect(await mrr()).toEqual({ '2024-02': { mrr: 10, new: 10 } });
    expect(await select('select month::text from platinum.mart_kpis_monthly')).toEqual([
      { month: '2024-02-01' },
    ]);
  });

  test('months, days and segments of revenue in which nothing is left are no more', async () => {
    await arrive(
      ['customers', customer('c', '2024-01-01', { segment: 'growth' })],
      ['transactions', ...monthly('c', '2024-01', '2024-02', '2024-03'), ...monthly('nobody', '2024-03')],
    );
    await arrive(failed(...monthly('c', '2024-02', '2024-03')));
    expect(await revenue()).toEqual([
      { month: '2024-01-01', segment: 'growth', revenue: '10.00' },
      { month: '2024-03-01', segment: 'unknown', revenue: '10.00' },
    ]);
    expect(await select('select day::text from platinum.mart_revenue_daily order by 1')).toEqual([
      { day: '2024-01-10' },
      { day: '2024-03-10' },
    ]);
  });
});

import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { customer, transaction } from '../../support/echo-rows';
import { emptyWarehouse } from '../../support/empty-warehouse';
import { compileEcho } from '../../support/compile-echo';
import { TestWarehouse } from '../../support/test-warehouse';

/** Holes 2, 3 and 4: each as the usual stack has it, and as strata does. */

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
});
beforeEach(() => emptyWarehouse(pool));
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const execute = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await pool.query(rawSql(statement));
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

/** Batches in turn, each followed by a run. */
const loadAndRun = async (...batches: [dataset: string, rows: readonly object[]][]): Promise<void> => {
  for (const [dataset, rows] of batches) {
    const [{ next } = { next: 1 }] = await select(
      'select coalesce(max(batch_id), 0) + 1 as next from ops.batch',
    );
    await warehouse.loadAndPublish(dataset, Number(next), rows);
    await warehouse.run();
  }
};

describe('hole 2: `where transaction_date > (select max(month) ...)` never recomputes a month properly', () => {
  // dbt-labs/segment#62, meltano/squared#677, fivetran/dbt_jira#117, SQLMesh#4606.
  test('as the usual stack has it: the open month stays as it was first seen, a late row is lost', async () => {
    const naive = `insert into naive_mart select date_trunc('month', day)::date, sum(n) from naive_facts
      where day > (select coalesce(max(month), '-infinity') from naive_mart) group by 1
      on conflict (month) do update set total = excluded.total`;
    await execute(
      'create table naive_facts (day date, n integer)',
      'create table naive_mart (month date primary key, total bigint)',
      "insert into naive_facts values ('2024-02-01', 1), ('2024-02-05', 1)",
      naive,
      "insert into naive_facts values ('2024-01-31', 1), ('2024-02-06', 1)",
      naive,
    );
    // January is not there, and of February's three only the two after its first day are.
    expect(await select('select month::text, total from naive_mart')).toEqual([
      { month: '2024-02-01', total: '2' },
    ]);
    await execute('drop table naive_facts, naive_mart');
  });

  test('the months that changed are recomputed whole: the open one, a late one, both of a corrected row', async () => {
    const revenue = (): Promise<readonly Record<string, unknown>[]> =>
      select('select month::text, revenue, transactions from platinum.mart_revenue_monthly order by month');
    await loadAndRun([
      'transactions',
      [transaction('t1', 'c', '2024-02-01'), transaction('t2', 'c', '2024-02-05')],
    ]);
    await loadAndRun([
      'transactions',
      [transaction('t3', 'c', '2024-01-31'), transaction('t4', 'c', '2024-02-06')],
    ]);
    expect(await revenue()).toEqual([
      { month: '2024-01-01', revenue: '10.00', transactions: '1' },
      { month: '2024-02-01', revenue: '30.00', transactions: '3' },
    ]);
    await loadAndRun(['transactions', [transaction('t3', 'c', '2024-03-01')]]);
    expect(await revenue()).toEqual([
      { month: '2024-02-01', revenue: '30.00', transactions: '3' },
      { month: '2024-03-01', revenue: '10.00', transactions: '1' },
    ]);
  });

  test('a row 400 days late touches its own month and no other', async () => {
    await loadAndRun([
      'transactions',
      [transaction('t1', 'c', '2024-06-01'), transaction('t2', 'c', '2023-01-05')],
    ]);
    const others = "select month, xmin::text from platinum.mart_revenue_monthly where month <> '2023-01-01'";
    const before = await select(others);
    await loadAndRun(['transactions', [transaction('late', 'c', '2023-01-20')]]);
    expect(await select(others)).toEqual(before);
    expect(
      await select("select revenue from platinum.mart_revenue_monthly where month = '2023-01-01'"),
    ).toEqual([{ revenue: '20.00' }]);
  });
});

describe('hole 3: `a != b` is blind to NULL', () => {
  // dbt-adapters#159, dbt-core#5691, dbt-core#6415, dbt-core#7873.
  test('as the usual stack has it: what becomes NULL, or was NULL, is no change', async () => {
    expect(
      await select("select count(*) from (values ('x', null), (null, 'x')) as t (a, b) where a <> b"),
    ).toEqual([{ count: '0' }]);
  });

  test('NULL is a value like others, on the way in and on the way out', async () => {
    const segments = ['starter', null, 'growth', null, null];
    for (const [i, segment] of segments.entries())
      await loadAndRun(['customers', [customer('c', `2024-0${i + 1}-01`, { segment })]]);
    expect(await select('select segment from gold.dim_customer order by valid_from')).toEqual([
      { segment: 'starter' },
      { segment: null },
      { segment: 'growth' },
      { segment: null },
    ]);
  });

  test('neither is the empty text NULL, nor do neighbours run together (dlt#4244)', async () => {
    const odd = [
      { name: 'a|b', plan_type: 'c' },
      { name: 'a', plan_type: 'b|c' },
      { name: '', plan_type: null },
      { name: null, plan_type: '' },
    ];
    for (const [i, values] of odd.entries())
      await loadAndRun(['customers', [customer('c', `2024-0${i + 1}-01`, values)]]);
    expect(await select('select name, plan_type from gold.dim_customer order by valid_from')).toEqual(odd);
    // Keys as well: (a, bc) is not (ab, c).
    await loadAndRun([
      'marketing_spend',
      [
        { spend_date: '2024-01-01', channel: 'a|b', amount: 100n },
        { spend_date: '2024-01-01', channel: 'a', amount: 100n },
      ],
    ]);
    expect(await select('select count(*) from silver.stg_marketing_spend')).toEqual([{ count: '2' }]);
  });
});

describe('hole 4: a snapshot sees the last of several changes, dates it by the run, and takes no backdated one', () => {
  const versions = (): Promise<readonly Record<string, unknown>[]> =>
    select(
      'select plan_type, valid_from::date::text as since, valid_to::date::text as until from gold.dim_customer order by valid_from',
    );

  test('as the usual stack has it', async () => {
    const snapshot = (ranAt: string): string[] => [
      `update snap set until = '${ranAt}' from current_state as c
        where snap.id = c.id and snap.until is null and snap.plan <> c.plan`,
      `insert into snap select c.id, c.plan, '${ranAt}' from current_state as c
        where not exists (select from snap as s where s.id = c.id and s.until is null)`,
    ];
    await execute(
      'create table current_state (id integer, plan text)',
      'create table snap (id integer, plan text, since date, until date)',
      "insert into current_state values (1, 'free')",
      ...snapshot('2024-03-01'),
      "update current_state set plan = 'basic'",
      "update current_state set plan = 'pro'",
      ...snapshot('2024-04-01'),
    );
    expect(await select('select plan, since::text from snap order by since')).toEqual([
      { plan: 'free', since: '2024-03-01' },
      { plan: 'pro', since: '2024-04-01' },
    ]);
    await execute('drop table snap, current_state');
  });

  test('all changes of one batch are versions, dated by the source (dbt-core#8760)', async () => {
    await loadAndRun([
      'customers',
      [
        customer('c', '2024-03-01', { plan_type: 'pro' }),
        customer('c', '2024-01-01', { plan_type: 'free', created_at: '2024-01-01' }),
        customer('c', '2024-02-01', { plan_type: 'basic' }),
      ],
    ]);
    expect(await versions()).toEqual([
      { plan_type: 'free', since: '2024-01-01', until: '2024-02-01' },
      { plan_type: 'basic', since: '2024-02-01', until: '2024-03-01' },
      { plan_type: 'pro', since: '2024-03-01', until: null },
    ]);
  });

  test('a backdated change splits the history, and the facts in it are restated (dbt-core#7138, SQLMesh#5901)', async () => {
    await loadAndRun(
      ['customers', [customer('c', '2024-01-01', { plan_type: 'free', created_at: '2024-01-01' })]],
      ['customers', [customer('c', '2024-03-01', { plan_type: 'pro' })]],
      ['transactions', ['01', '02', '03'].map((month) => transaction(`t${month}`, 'c', `2024-${month}-15`))],
      ['customers', [customer('c', '2024-02-01', { plan_type: 'basic' })]],
    );
    expect(await versions()).toEqual([
      { plan_type: 'free', since: '2024-01-01', until: '2024-02-01' },
      { plan_type: 'basic', since: '2024-02-01', until: '2024-03-01' },
      { plan_type: 'pro', since: '2024-03-01', until: null },
    ]);
    expect(
      await select('select transaction_id, plan_type from gold.fct_transactions order by transaction_id'),
    ).toEqual([
      { transaction_id: 't01', plan_type: 'free' },
      { transaction_id: 't02', plan_type: 'basic' },
      { transaction_id: 't03', plan_type: 'pro' },
    ]);
  });

  test('a key always has one current version, also where changes share their time (dbt-core#1884, dbt-core#6215)', async () => {
    await loadAndRun(
      ['customers', [customer('c', '2024-01-01', { plan_type: 'free' })]],
      [
        'customers',
        [
          customer('c', '2024-01-01', { plan_type: 'basic' }),
          customer('c', '2024-01-01', { plan_type: 'pro' }),
        ],
      ],
    );
    expect(await select('select plan_type, is_current from gold.dim_customer')).toEqual([
      { plan_type: 'pro', is_current: true },
    ]);
  });
});

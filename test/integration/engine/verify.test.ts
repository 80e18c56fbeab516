import { randomUUID } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { compileProject } from '../../../src/compiler/compile-project';
import { shadowSchema } from '../../../src/compiler/shadow';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { sweepShadows } from '../../../src/db/sweep-shadows';
import { verifyNode } from '../../../src/db/verify-node';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileEcho } from '../../support/compile-echo';
import { TestWarehouse } from '../../support/test-warehouse';
import { waitFor } from '../../support/wait-for';

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;
let batchId = 0;

const micros = (time: string): bigint => BigInt(Date.parse(time)) * 1000n;

const customer = (id: string, updatedAt: string, segment: string | null) => ({
  customer_id: id,
  name: `Name ${id}`,
  email: `${id}@example.com`,
  segment,
  plan_type: 'basic',
  acquisition_channel: 'ads',
  created_at: micros('2026-01-01T00:00:00Z'),
  updated_at: micros(updatedAt),
});

const transaction = (id: string, customerId: string, date: string, amount = 1000n) => ({
  transaction_id: id,
  customer_id: customerId,
  transaction_date: micros(date),
  amount,
  transaction_type: 'subscription',
  status: 'completed',
});

const publish = (dataset: string, rows: readonly object[]): Promise<void> =>
  warehouse.loadAndPublish(dataset, ++batchId, rows);

const execute = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await pool.query(rawSql(statement));
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

const shadowSchemas = () => select("select nspname from pg_namespace where nspname like 'strata_verify%'");

/** Also of what is made of them, which is built anew in the next run. */
const repair = async (...names: string[]): Promise<void> => {
  await warehouse.run({ select: names, fullRefresh: true });
  await warehouse.run();
};

/** A history with everything in it: corrections, a backdated change, a customer that comes after its transaction. */
beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 6 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
  await publish('customers', [
    customer('a', '2026-01-01T00:00:00Z', 'starter'),
    customer('b', '2026-01-02T00:00:00Z', null),
  ]);
  await publish('transactions', [
    transaction('t1', 'a', '2026-01-05T00:00:00Z'),
    transaction('t2', 'b', '2026-02-05T00:00:00Z'),
    transaction('t3', 'late', '2026-03-05T00:00:00Z'),
  ]);
  await publish('marketing_spend', [{ spend_date: '2026-01-03', channel: 'ads', amount: 500n }]);
  await warehouse.run();
  await publish('customers', [
    customer('a', '2026-03-10T00:00:00Z', 'growth'),
    customer('a', '2026-01-04T00:00:00Z', null),
    customer('late', '2026-02-01T00:00:00Z', 'enterprise'),
  ]);
  await publish('transactions', [transaction('t1', 'a', '2026-02-01T00:00:00Z', 1234n)]);
  await warehouse.run();
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('after a history every relation equals a full refresh, and nothing is touched or left behind', async () => {
  const standing = 'select relation, version, reset_version from ops.relation order by 1';
  const before = await select(standing);
  const xmin = 'select transaction_id, xmin::text from gold.fct_transactions order by 1';
  const rows = await select(xmin);
  const verifications = await warehouse.verify();
  expect(Object.keys(verifications)).toHaveLength(12);
  for (const verification of Object.values(verifications)) expect(verification.equal).toBe(true);
  expect(verifications['gold.dim_customer']).toEqual({ equal: true, rows: 5, periods: 2 });
  expect(verifications['silver.stg_transactions']).toEqual({ equal: true, rows: 3 });
  expect(await select(standing)).toEqual(before);
  expect(await select(xmin)).toEqual(rows);
  expect(await shadowSchemas()).toEqual([]);
  expect(
    await select('select count(*) from ops.verification where equal and verified_at is not null'),
  ).toEqual([{ count: '12' }]);
});

describe('a row that was changed by hand is found with relation, period and key', () => {
  const B = ['b', '2026-01-01 00:00:00+00'];

  test.each([
    {
      what: 'NULL that became a value, in the dimension',
      label: 'gold.dim_customer',
      tamper: "update gold.dim_customer set segment = 'x' where customer_id = 'b'",
      difference: { period: '2026-01', missing: 0, unexpected: 0, different: 1 },
      row: { kind: 'different', key: B, columns: ['segment'] },
    },
    {
      what: 'surrogate key',
      label: 'gold.dim_customer',
      tamper: "update gold.dim_customer set customer_sk = gen_random_uuid() where customer_id = 'b'",
      difference: { period: '2026-01', missing: 0, unexpected: 0, different: 1 },
      row: { kind: 'different', key: B, columns: ['customer_sk'] },
    },
    {
      what: 'fact that is gone',
      label: 'gold.fct_transactions',
      tamper: "delete from gold.fct_transactions where transaction_id = 't3'",
      difference: { period: '2026-03', missing: 1, unexpected: 0, different: 0 },
      row: { kind: 'missing', key: ['t3'], columns: [] },
    },
    {
      what: 'fact that is there again in another month',
      label: 'gold.fct_transactions',
      tamper: `insert into gold.fct_transactions (transaction_id, customer_id, transaction_date, amount)
        values ('t3', 'late', '2026-02-07', 1)`,
      difference: { period: '2026-02', missing: 0, unexpected: 1, different: 0 },
      row: { kind: 'unexpected', key: ['t3'], columns: [] },
    },
    {
      what: 'month that nobody paid in',
      label: 'platinum.mart_revenue_monthly',
      tamper: "insert into platinum.mart_revenue_monthly values ('2030-01-01', 'starter', 1, 1, 1)",
      difference: { period: '2030-01', missing: 0, unexpected: 1, different: 0 },
      row: { kind: 'unexpected', key: ['2030-01-01', 'starter'], columns: [] },
    },
    {
      what: 'day with another figure',
      label: 'platinum.mart_revenue_daily',
      tamper:
        "update platinum.mart_revenue_daily set revenue = revenue + 1, customers = 7 where day = '2026-03-05'",
      difference: { period: '2026-03-05', missing: 0, unexpected: 0, different: 1 },
      row: { kind: 'different', key: ['2026-03-05'], columns: ['revenue', 'customers'] },
    },
    {
      what: 'load order that silver remembers',
      label: 'silver.stg_transactions',
      tamper: "update silver.stg_transactions set _row_number = 99 where transaction_id = 't2'",
      difference: { period: 'all', missing: 0, unexpected: 0, different: 1 },
      row: { kind: 'different', key: ['t2'], columns: ['_row_number'] },
    },
  ])('$what', async ({ label, tamper, difference, row }) => {
    const name = label.slice(label.indexOf('.') + 1);
    await execute(tamper);
    // Its parents are not selected: they are read as they stand.
    const verifications = await warehouse.verify({ select: [name] });
    expect(verifications).toEqual({
      [label]: expect.objectContaining({ equal: false, differences: [difference], differenceCount: 1 }),
    });
    expect(
      await select(
        `select differences->'rows' as rows from ops.verification where not equal order by verified_at desc limit 1`,
      ),
    ).toEqual([{ rows: [{ period: difference.period, ...row }] }]);
    await repair(name);
  });
});

test('a difference is told where it is: what was made of the right rows before still equals', async () => {
  await execute("update silver.stg_transactions set amount = 77 where transaction_id = 't2'");
  const verifications = await warehouse.verify();
  const differing = Object.entries(verifications).flatMap(([label, { equal }]) => (equal ? [] : [label]));
  expect(differing).toEqual(['silver.stg_transactions']);
  await repair('stg_transactions');
});

test('values that are equal but written otherwise are no difference, nor is provenance outside of silver', async () => {
  await execute(
    'update platinum.mart_revenue_daily set revenue = revenue::numeric(30, 9)',
    "update gold.fct_transactions set _loaded_at = now() where transaction_id = 't2'",
  );
  const verifications = await warehouse.verify({ select: ['mart_revenue_daily', 'fct_transactions'] });
  for (const verification of Object.values(verifications)) expect(verification.equal).toBe(true);
});

test('a relation that is not there, or has other columns, differs', async () => {
  const verifications = await warehouse.verify(
    { select: ['mart_revenue_daily', 'mart_revenue_monthly'] },
    () =>
      execute(
        'drop table platinum.mart_revenue_daily',
        'alter table platinum.mart_revenue_monthly add column extra text, alter column customers type numeric',
      ),
  );
  expect(verifications).toEqual({
    'platinum.mart_revenue_daily': { equal: false, rows: 0, problem: 'the relation is not there' },
    'platinum.mart_revenue_monthly': expect.objectContaining({
      equal: false,
      problem: 'has further columns extra; customers is numeric, not bigint',
    }),
  });
  await repair('mart_revenue_daily', 'mart_revenue_monthly');
});

describe('while it goes on', () => {
  test('loads may be published: models are compared as of where they were pinned', async () => {
    const verifications = await warehouse.verify({}, () =>
      publish('transactions', [transaction('t9', 'a', '2026-04-05T00:00:00Z')]),
    );
    for (const verification of Object.values(verifications)) expect(verification.equal).toBe(true);
    expect(verifications['silver.stg_transactions']?.rows).toBe(3);
  });

  test('a run by somebody else interrupts it, and its shadows are dropped', async () => {
    const verification = warehouse.verify({}, async () => {
      await publish('transactions', [transaction('t10', 'a', '2026-05-05T00:00:00Z')]);
      await warehouse.run({ select: ['stg_transactions'] });
    });
    await expect(verification).rejects.toMatchObject({
      code: 'VERIFY_INTERRUPTED',
      message: 'silver.stg_transactions: another run wrote silver.stg_transactions while it was verified',
    });
    expect(await shadowSchemas()).toEqual([]);
    const again = await warehouse.verify();
    for (const { equal } of Object.values(again)) expect(equal).toBe(true);
  });

  test.each([
    { materialized: 'table', settings: '', reads: 't.*' },
    { materialized: 'view', settings: '', reads: 't.*' },
    {
      materialized: 'incremental',
      settings: ", unique_key='transaction_id', load_order=['_batch_id', '_row_number']",
      reads: 't.*',
    },
  ])(
    'a model ($materialized) over all of a source is interrupted when more of it is published',
    async (model) => {
      const { materialized, settings, reads } = model;
      const plain = await TestWarehouse.open(
        pool,
        compileProject({
          files: [
            { path: 'dbt_project.yml', text: 'name: plain\nmodels:\n  plain:\n    +schema: plain\n' },
            {
              path: 'models/sources.yml',
              text: 'version: 2\nsources: [{name: raw, schema: bronze, tables: [{name: transactions}]}]',
            },
            {
              path: `models/plain_${materialized}.sql`,
              text: `{{ config(materialized='${materialized}'${settings}) }}
              select ${reads} from {{ source('raw', 'transactions') }} as t`,
            },
          ],
          datasets: Object.values(warehouse.manifest.datasets),
        }),
      );
      expect(await plain.verify()).toMatchObject({ [`plain.plain_${materialized}`]: { equal: true } });
      const more = () => publish('transactions', [transaction('t11', 'a', '2026-05-06T00:00:00Z')]);
      await expect(plain.verify({}, more)).rejects.toMatchObject({ code: 'VERIFY_INTERRUPTED' });
    },
  );
});

describe('what an attempt leaves behind', () => {
  test('one that is cancelled leaves nothing, the next one compares, and a further one only returns the record', async () => {
    const { deps, request, nodeIds } = await warehouse.beginVerify({ select: ['dim_customer'] });
    const nodeId = nodeIds[0] as string;
    const abort = new AbortController();
    await pool.connect(async (blocker) => {
      await blocker.query(rawSql('begin'));
      await blocker.query(rawSql('lock table gold.dim_customer in access exclusive mode'));
      const first = verifyNode(deps, { ...request, nodeId, signal: abort.signal });
      await waitFor(async () => {
        const waiting = `select from pg_locks where not granted and relation = 'gold.dim_customer'::regclass
          and database = (select oid from pg_database where datname = current_database())`;
        return (await select(waiting)).length > 0;
      });
      abort.abort();
      await expect(first).rejects.toThrow();
      await blocker.query(rawSql('rollback'));
    });
    const tables = `select relname from pg_class where relnamespace = '${shadowSchema(request.runId)}'::regnamespace
      and relname like '%dim_customer'`;
    expect(await select(tables)).toEqual([]);
    const second = await verifyNode(deps, { ...request, nodeId, attempt: 2 });
    expect(second.verification?.equal).toBe(true);
    const third = await verifyNode(deps, { ...request, nodeId, attempt: 3 });
    expect(third.verification).toEqual(second.verification);
    await warehouse.finish(request.runId, [second]);
    expect(await shadowSchemas()).toEqual([]);
  });

  test('shadows of runs that are no more are swept, those of runs that go on are kept', async () => {
    const [alive, dead] = [await warehouse.beginVerify({ select: ['dim_customer'] }), randomUUID()];
    const { deps, request, nodeIds } = alive;
    await verifyNode(deps, { ...request, nodeId: nodeIds[0] as string });
    await execute(`create schema ${shadowSchema(dead)}`, `create table ${shadowSchema(dead)}.t ()`);
    await sweepShadows(pool, () => Promise.resolve(true));
    expect(await shadowSchemas()).toEqual([{ nspname: shadowSchema(request.runId) }]);
    await sweepShadows(pool, () => Promise.resolve(false));
    expect(await shadowSchemas()).toEqual([]);
  });
});

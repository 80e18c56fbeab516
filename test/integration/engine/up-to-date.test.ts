import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import type { TransformInput } from '../../../src/wire/transform';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileShop } from '../../support/small-project';
import { TestWarehouse } from '../../support/test-warehouse';

const ORDERS = { name: 'orders', key: ['id'], columns: [{ name: 'id', type: 'text' }] };
const OTHERS = { name: 'others', key: ['id'], columns: [{ name: 'id', type: 'text' }] };
const CONFIG = "{{ config(materialized='incremental', unique_key='id') }}";
const from = (dataset: string): string => `from {{ unconsumed(source('raw', '${dataset}')) }} as o`;

/** `a`, `b` and `c` follow from what is counted; the others may follow from something else, and are run always. */
const MODELS = {
  a: `${CONFIG} select id ${from('orders')}`,
  b: `${CONFIG} select id from {{ changes(ref('a')) }} as c where _weight > 0`,
  // Also reads a relation that it doesn't consume.
  c: `${CONFIG} select o.id, (select count(*) from {{ ref('b') }}) as n ${from('others')}`,
  by_function: `${CONFIG} select id, of_mine(id) as x ${from('orders')}`,
  by_volatile: `${CONFIG} select id, gen_random_uuid() as x ${from('orders')}`,
  // Names a table that no ref() and no source() told of.
  by_table: `${CONFIG} select o.id ${from('orders')} cross join public.things as t`,
  by_view: `${CONFIG} select o.id ${from('orders')} cross join public.things_view as t`,
  at_time: `${CONFIG} select id, now() as at ${from('orders')}`,
};

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  await pool.query(rawSql('create table things as select 1 as n'));
  await pool.query(rawSql('create view things_view as select * from things'));
  await pool.query(
    rawSql('create function of_mine(text) returns text stable language sql as $$ select $1 $$'),
  );
  warehouse = await TestWarehouse.open(pool, compileShop(MODELS, [ORDERS, OTHERS]));
  await warehouse.loadAndPublish('orders', 1, [{ id: 'o1' }]);
  await warehouse.loadAndPublish('others', 2, [{ id: 'x1' }]);
  await warehouse.run();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The models that a run of now would not run; it is run. */
const leftOut = async (transform: TransformInput = {}): Promise<string[]> => {
  const run = await warehouse.plan(transform);
  await run.run();
  return run.planned.nodes.filter((node) => node.upToDate).map((node) => node.name);
};

/** Until only what never is up to date is run. */
const settle = async (): Promise<void> => {
  await warehouse.run();
  expect(await leftOut()).toEqual(['a', 'b', 'c']);
};

test('what found nothing to do is left out, until what it reads moves on', async () => {
  // As built: it has not yet been seen that there is nothing to do.
  expect(await leftOut()).toEqual([]);
  expect(await leftOut()).toEqual(['a', 'b', 'c']);
  await warehouse.loadAndPublish('others', 3, [{ id: 'x2' }]);
  expect(await leftOut()).toEqual(['a', 'b']);
  await settle();
  await warehouse.loadAndPublish('orders', 4, [{ id: 'o2' }]);
  // What comes after something that runs, runs.
  expect(await leftOut()).toEqual([]);
  await settle();
});

test('a load that becomes visible after the plan is for the next run', async () => {
  const run = await warehouse.plan();
  await warehouse.loadAndPublish('orders', 5, [{ id: 'o3' }]);
  await run.run();
  expect(await leftOut()).toEqual([]);
  const { rows } = await pool.query(rawSql('select id from shop.b order by id'));
  expect(rows).toEqual([{ id: 'o1' }, { id: 'o2' }, { id: 'o3' }]);
  await settle();
});

test('a relation that another selection moved on is seen by who reads it without consuming it', async () => {
  await warehouse.loadAndPublish('orders', 6, [{ id: 'o4' }]);
  expect(await leftOut({ select: ['a', 'b'] })).toEqual([]);
  expect(await leftOut({ select: ['c'] })).toEqual([]);
  await settle();
});

test('other variables, another plan, a full refresh and a relation that is gone: it is run', async () => {
  expect(await leftOut({ vars: { x: 1 } })).toEqual([]);
  await settle();
  expect(await leftOut({ fullRefresh: true })).toEqual([]);
  await settle();
  await pool.query(rawSql('drop table shop.b'));
  expect(await leftOut()).toEqual(['a']);
  const { rows } = await pool.query(rawSql('select count(*)::int as n from shop.b'));
  expect(rows).toEqual([{ n: 4 }]);
  await settle();
  const changed = await TestWarehouse.open(
    pool,
    compileShop({ ...MODELS, a: `${MODELS.a} where true` }, [ORDERS, OTHERS]),
  );
  expect((await changed.plan()).planned.nodes.filter((node) => node.upToDate)).toEqual([]);
});

test('planning that is tried again leaves out the same, whatever came in between', async () => {
  const { runId, planned } = await warehouse.plan();
  await warehouse.loadAndPublish('orders', 7, [{ id: 'o5' }]);
  expect((await warehouse.plan({}, runId)).planned).toEqual(planned);
});

test('what is left out stands in the record as done, with nothing written', async () => {
  await warehouse.run();
  await warehouse.run();
  const { runId } = await warehouse.plan();
  const { rows } = await pool.query(
    rawSql(
      `select label, state, rows_inserted::int as inserted, attempts from ops.model_run where run_id = '${runId}' order by 1`,
    ),
  );
  expect(rows).toEqual(
    ['shop.a', 'shop.b', 'shop.c'].map((label) => ({ label, state: 'success', inserted: 0, attempts: 0 })),
  );
});

test('a verification compares what its run had not to do', async () => {
  const verified = await warehouse.verify({ select: ['a', 'b'] });
  expect(verified).toMatchObject({ 'shop.a': { equal: true, rows: 5 }, 'shop.b': { equal: true } });
});

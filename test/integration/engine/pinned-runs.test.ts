import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileShop } from '../../support/small-project';
import { TestWarehouse } from '../../support/test-warehouse';

const ORDERS = { name: 'orders', key: ['id'], columns: [{ name: 'id', type: 'text' }] };
const MODEL = `{{ config(materialized='incremental', unique_key='id') }}
select id, '{{ run_started_at }}' as run_started_at, 1 / n as n
from {{ unconsumed(source('raw', 'orders')) }} as o cross join {{ source('app', 'things') }}`;

let database: TestDatabase;
let pool: DatabasePool;
beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  await pool.query(rawSql('create table things as select 1 as n'));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('a retry means what the first try meant: the same logical time, the same inputs', async () => {
  const warehouse = await TestWarehouse.open(pool, compileShop({ m: MODEL }, [ORDERS]));
  await warehouse.loadAndPublish('orders', 1, [{ id: 'before' }]);
  await warehouse.run();
  await warehouse.loadAndPublish('orders', 2, [{ id: 'a' }]);
  const { runId, planned } = await warehouse.plan();
  expect(planned.inputs).toEqual({ orders: 2 });
  await pool.query(rawSql('update things set n = 0'));
  const attempt = (number: number) => warehouse.runNode(runId, 'model.shop.m', { attempt: number });
  await expect(attempt(1)).rejects.toThrow(/division by zero/);
  await warehouse.loadAndPublish('orders', 3, [{ id: 'b' }]);
  await pool.query(rawSql('update things set n = 1'));
  await attempt(2);
  const { rows } = await pool.query(rawSql("select id, run_started_at from shop.m where id <> 'before'"));
  expect(rows).toEqual([{ id: 'a', run_started_at: planned.startedAt }]);
});

test('planning that is tried again finds what the first try has pinned', async () => {
  const warehouse = await TestWarehouse.open(pool, compileShop({ m: MODEL }, [ORDERS]));
  const { runId, planned } = await warehouse.plan();
  await warehouse.loadAndPublish('orders', 4, [{ id: 'c' }]);
  const again = await warehouse.plan({}, runId);
  expect(again.planned).toEqual(planned);
});

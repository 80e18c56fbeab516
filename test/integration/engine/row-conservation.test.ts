import { Shop } from '../../support/shop';
import type { TestWarehouse } from '../../support/test-warehouse';
import type { NodeResult, RowCounts } from '../../../src/wire/transform';

let shop: Shop;
let batch = 0;

beforeAll(async () => {
  shop = await Shop.open();
});
afterAll(() => shop.close());

const staging = (settings = '', where = ''): string =>
  `{{ config(materialized='incremental', unique_key='id', load_order=['_batch_id', '_row_number']${settings}) }}
select id, n, _loaded_at, _batch_id, _row_number from {{ unconsumed(source('raw', 'orders')) }} as l ${where}`;

type Order = { id: string; n: number };
const order = (id: string, n: number): Order => ({ id, n });

/** Accepts a batch and writes its rows; publish it to make them visible. */
const write = async (warehouse: TestWarehouse, orders: readonly Order[]): Promise<string> => {
  batch += 1;
  const batchId = batch;
  const rows = orders.map((row, i) => ({ ...row, batchId, rowNumber: i + 1 }));
  return warehouse.load('orders', batchId, rows);
};

const publish = (warehouse: TestWarehouse, loadId: string): Promise<void> =>
  warehouse.publish('orders', loadId);

type Counts = { [name in keyof RowCounts]-?: number };

const balanced = ({ rows }: NodeResult): Counts => {
  const counts = { in: -1, unchanged: 0, superseded: 0, excluded: 0, ...rows } as Counts;
  const { inserted, updated, deleted, unchanged, superseded, excluded } = counts;
  expect(counts.in).toBe(inserted + updated + deleted + unchanged + superseded + excluded);
  return counts;
};

test('in = inserted + updated + unchanged + superseded, over replays, late batches and duplicates in a file', async () => {
  const warehouse = await shop.warehouse({ history: staging() });
  const run = async (): Promise<Counts> => balanced((await warehouse.run())[0] as NodeResult);
  const first = [order('a', 1), order('b', 1), order('a', 2)];

  await publish(warehouse, await write(warehouse, first));
  // Built anew: of the two rows of one key one gives way.
  expect(await run()).toMatchObject({ in: 3, inserted: 2, updated: 0, superseded: 1 });

  expect(await run()).toMatchObject({ in: 0, inserted: 0 });

  const late = await write(warehouse, [order('a', 9), order('c', 9)]);
  await publish(warehouse, await write(warehouse, [order('a', 3), order('a', 4), order('d', 1)]));
  expect(await run()).toMatchObject({ in: 3, inserted: 1, updated: 1, superseded: 1 });

  await publish(warehouse, late);
  expect(await run()).toMatchObject({ in: 2, inserted: 1, updated: 0, superseded: 1 });

  // The first file once more: only a replay of what is there, or a newer row of its own.
  await publish(warehouse, await write(warehouse, first));
  expect(await run()).toMatchObject({ in: 3, updated: 1, unchanged: 1, superseded: 1 });

  expect(balanced((await warehouse.run({ fullRefresh: true }))[0] as NodeResult)).toMatchObject({
    ...{ in: 11, inserted: 4, superseded: 7 },
  });
  const [kept] = await shop.select(
    'select rows_in, rows_inserted, rows_superseded from ops.model_run order by finished_at desc limit 1',
  );
  expect(kept).toEqual({ rows_in: '11', rows_inserted: '4', rows_superseded: '7' });
});

test('rows that delete_where names are counted as deleted, or as excluded', async () => {
  const models = {
    closed: `{{ config(materialized='incremental', unique_key='id', delete_where='n = 0') }}
select id, n, _loaded_at, _batch_id, _row_number from {{ unconsumed(source('raw', 'orders')) }} as l
where id in ('x', 'y', 'z')`,
  };
  const warehouse = await shop.warehouse(models);
  const run = async (): Promise<Counts> => balanced((await warehouse.run())[0] as NodeResult);
  await publish(warehouse, await write(warehouse, [order('y', 1), order('z', 0)]));
  await run();
  await publish(warehouse, await write(warehouse, [order('y', 0), order('x', 0)]));
  expect(await run()).toMatchObject({ in: 2, inserted: 0, deleted: 1, excluded: 1 });
});

test('without a load order, for dimensions and for periods the counts are there too', async () => {
  await shop.execute(
    "insert into things values ('a', 1, '2024-01-01', 1), ('b', 2, '2024-01-02', 2), ('c', 3, '2024-02-02', 3)",
  );
  const from = "from {{ source('plain', 'things') }}";
  const models = {
    base: `{{ config(materialized='incremental', unique_key='id') }} select id, n, at ${from}`,
    dim: `{{ config(materialized='scd2', unique_key='id', updated_at='at', type_2=['n'], surrogate_key='sk') }}
select id, n, at ${from}`,
    mart: `{{ config(materialized='by_period', unique_key='month', period='month', period_column='month') }}
{% do affected_periods("select at from " ~ changes(ref('base')) ~ " as c") %}
select date_trunc('month', at at time zone 'UTC')::date as month, sum(n) as total
from {{ ref('base') }} where {{ in_affected_periods('at') }} group by 1`,
  };
  await shop.run(models);
  await shop.execute("update things set n = 5 where id = 'a'");
  const [base, dim, mart] = await shop.run(models);
  expect(balanced(base as NodeResult)).toMatchObject({ in: 3, updated: 1, unchanged: 2 });
  expect(dim?.rows).toMatchObject({ in: 3, updated: 1, unchanged: 2 });
  expect(mart?.rows).toMatchObject({ in: 1, updated: 1, unchanged: 0 });
});

test('a model that keeps all rows and drops one fails, built anew or not, and nothing of it is committed', async () => {
  const picky = { picky: staging(', keeps_all_rows=true', 'where n < 7') };
  const warehouse = await shop.warehouse(picky);
  await shop.execute('truncate ops.batch, ops.load cascade', 'truncate strata_bronze.orders');
  await publish(warehouse, await write(warehouse, [order('a', 1)]));
  await warehouse.run();
  await publish(warehouse, await write(warehouse, [order('b', 2), order('c', 7)]));
  const refused = {
    code: 'ROWS_NOT_CONSERVED',
    message: expect.stringContaining('rows consumed: 2, given by it: 1') as string,
  };
  await expect(warehouse.run()).rejects.toMatchObject(refused);
  await expect(warehouse.run({ fullRefresh: true })).rejects.toMatchObject({ code: 'ROWS_NOT_CONSERVED' });
  expect(await shop.select('select id from shop.picky')).toEqual([{ id: 'a' }]);
  const [progress] = await shop.select(
    "select position from ops.model_progress where relation = 'shop.picky'",
  );
  expect(progress).toEqual({ position: '1' });
});

test('a row that bronze loses after its publication is missed by a model that keeps all rows', async () => {
  const warehouse = await shop.warehouse({ careful: staging(', keeps_all_rows=true') });
  await publish(warehouse, await write(warehouse, [order('k', 1), order('l', 1)]));
  await warehouse.run();
  await publish(warehouse, await write(warehouse, [order('m', 1), order('o', 1)]));
  await shop.execute(`delete from strata_bronze.orders where _batch_id = ${batch} and id = 'm'`);
  await expect(warehouse.run()).rejects.toMatchObject({ code: 'ROWS_NOT_CONSERVED' });
  await shop.execute(`update ops.load set row_count = 1 where batch_id = ${batch}`);
  await warehouse.run();
});

const swallowing = (table: string, verb: string): string[] => [
  `create or replace function swallow() returns trigger language plpgsql as 'begin return null; end'`,
  `create trigger swallow before ${verb} on ${table} for each row execute function swallow()`,
];

test.each([
  ['insert', "insert into things values ('new', 1)", /rows to be inserted: 1, written: 0/],
  ['update', "update things set n = n + 100 where id = 'a'", /rows to be updated: 1, written: 0/],
  ['delete', "update things set n = 0 where id = 'a'", /rows to be deleted: 1, written: 0/],
])('a row that its %s does not write fails the model, and rolls back', async (verb, change, message) => {
  const model = `{{ config(materialized='incremental', unique_key='id', delete_where='n = 0') }}
select id, n from {{ source('plain', 'things') }}`;
  const models = { [`eaten_${verb}`]: model };
  await shop.execute('truncate things', "insert into things values ('a', 1), ('b', 2)");
  await shop.run(models);
  await shop.execute(...swallowing(`shop.eaten_${verb}`, verb), change);
  await expect(shop.run(models)).rejects.toMatchObject({
    code: 'ROWS_NOT_CONSERVED',
    message: expect.stringMatching(message) as string,
  });
  await shop.execute(`drop trigger swallow on shop.eaten_${verb}`);
  const [result] = await shop.run(models);
  expect((result?.rows?.inserted ?? 0) + (result?.rows?.updated ?? 0) + (result?.rows?.deleted ?? 0)).toBe(1);
});

test('a change that does not reach the feed fails the model', async () => {
  const models = {
    fed: "{{ config(materialized='incremental', unique_key='id') }} select id, n from {{ source('plain', 'things') }}",
    reader:
      "{{ config(materialized='incremental', unique_key='id') }} select distinct id from {{ changes(ref('fed')) }} as c",
  };
  await shop.run(models);
  await shop.execute(
    ...swallowing('strata_feed."shop.fed"', 'insert'),
    "insert into things values ('fed', 1)",
  );
  await expect(shop.run(models)).rejects.toThrow(/images of changes: 1, in the feed: 0/);
  expect(await shop.select("select from shop.fed where id = 'fed'")).toEqual([]);
});

test('a relation that has a key twice is found out: rows staged are rows compared', async () => {
  const models = { doubled: staging() };
  const warehouse = await shop.warehouse(models);
  await publish(warehouse, await write(warehouse, [order('p', 1)]));
  await warehouse.run();
  await shop.execute(
    'alter table shop.doubled drop constraint doubled_pkey',
    "insert into shop.doubled select * from shop.doubled where id = 'p'",
  );
  await publish(warehouse, await write(warehouse, [order('p', 2)]));
  await expect(warehouse.run()).rejects.toThrow(/rows staged: 1, compared: 2/);
});

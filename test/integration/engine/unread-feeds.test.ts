import { emptyUnreadFeeds, forgetDeadConsumers } from '../../../src/db/dead-consumers';
import { rawSql } from '../../../src/db/raw-sql';
import { Shop } from '../../support/shop';

const UPSTREAM = `{{ config(materialized='incremental', unique_key='id', load_order=['_batch_id', '_row_number']) }}
select id, n, _batch_id, _row_number from {{ unconsumed(source('raw', 'orders')) }} as o`;
const reader = (name: string): string => `{{ config(materialized='incremental', unique_key='id') }}
select u.id, u.n, '${name}' as reader from {{ ref('upstream') }} as u
where u.id in (select c.id from {{ changes(ref('upstream')) }} as c)`;
const MODELS = { upstream: UPSTREAM, a: reader('a'), b: reader('b') };
const IDS = ['model.shop.upstream', 'model.shop.a'];

let shop: Shop;
let batch = 0;
beforeEach(async () => {
  shop = await Shop.open();
});
afterEach(() => shop.close());

const load = async (...ids: string[]): Promise<void> => {
  const warehouse = await shop.warehouse(MODELS);
  await warehouse.loadAndPublish(
    'orders',
    ++batch,
    ids.map((id) => ({ id, n: batch })),
  );
};
const feedRows = async (): Promise<unknown> =>
  (await shop.select('select count(*)::int as rows from strata_feed."shop.upstream"'))[0]?.['rows'];
const progress = () => shop.select('select relation, upstream from ops.model_progress order by 1, 2');
/** As if nobody had run it for so long. */
const ageBy = (days: number): Promise<void> =>
  shop.execute(
    `update ops.model_progress set updated_at = updated_at - interval '${days} days'`,
    `update ops.relation set updated_at = updated_at - interval '${days} days'`,
    `update ops.model_run set finished_at = finished_at - interval '${days} days'`,
  );
const runAll = async (): Promise<void> => {
  for (const id of ['1', '2']) {
    await load(id);
    await shop.run(MODELS);
  }
  await load('3');
  // The reader b falls behind: the feed is kept for it.
  await shop.run(MODELS, { select: ['upstream', 'a'] });
};
const equalToRefresh = async (name: string): Promise<void> => {
  const before = await shop.select(`select id, n from shop.${name} order by id`);
  await shop.run(MODELS, { fullRefresh: true, select: [name] });
  expect(await shop.select(`select id, n from shop.${name} order by id`)).toEqual(before);
};

test('a reader whose table was dropped is forgotten, its feed is trimmed, and it is built anew when it comes back', async () => {
  await runAll();
  expect(await feedRows()).toBe(1);
  expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(0);
  await shop.execute('drop table shop.b');
  expect(await forgetDeadConsumers(shop.pool, [...IDS, 'model.shop.b'])).toBe(1);
  expect((await progress()).map((p) => p['relation'])).toEqual(['shop.a', 'shop.upstream']);
  await load('4');
  await shop.run(MODELS, { select: ['upstream', 'a'] });
  expect(await feedRows()).toBe(0);
  await shop.run(MODELS);
  expect(await shop.select('select id from shop.b order by id')).toHaveLength(4);
  await equalToRefresh('b');
  await equalToRefresh('a');
});

test('a reader that no project has is forgotten after 30 days without a run, not before', async () => {
  await runAll();
  await ageBy(29);
  expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(0);
  await ageBy(2);
  expect(await forgetDeadConsumers(shop.pool, [...IDS, 'model.shop.b'])).toBe(0);
  expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(1);
  await load('4');
  await shop.run(MODELS);
  await equalToRefresh('b');
});

test('a reader that somebody runs right now is left alone', async () => {
  await runAll();
  await ageBy(31);
  await shop.pool.connect(async (connection) => {
    await connection.query(rawSql("select pg_advisory_lock(hashtextextended('shop.b', 0))"));
    expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(0);
  });
  expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(1);
});

test('a feed that nobody reads is emptied, and who comes to read it then sees all', async () => {
  await runAll();
  await shop.execute('drop table shop.a', 'drop table shop.b');
  expect(await emptyUnreadFeeds(shop.pool)).toBe(0);
  expect(await forgetDeadConsumers(shop.pool, IDS)).toBe(2);
  expect(await emptyUnreadFeeds(shop.pool)).toBe(1);
  expect(await feedRows()).toBe(0);
  expect(await emptyUnreadFeeds(shop.pool)).toBe(0);
  await load('4');
  await shop.run(MODELS);
  await load('5');
  await shop.run(MODELS);
  expect(await shop.select('select id from shop.a order by id')).toHaveLength(5);
  await equalToRefresh('a');
});

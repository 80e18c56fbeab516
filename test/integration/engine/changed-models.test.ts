import { Shop } from '../../support/shop';
import { TestWarehouse } from '../../support/test-warehouse';

let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open();
});
beforeEach(() => shop.execute('truncate things'));
afterAll(() => shop.close());

const FROM = "from {{ source('plain', 'things') }}";

const model = (settings: string, columns: string): string =>
  `{{ config(materialized='incremental', ${settings}) }} select ${columns} ${FROM}`;

const dimension = (settings: string, columns = 'id, n, at'): string =>
  `{{ config(materialized='scd2', unique_key='id', updated_at='at', surrogate_key='sk', ${settings}) }} select ${columns} ${FROM}`;

const isThere = "insert into things values ('a', 1, '2024-01-10', 5), ('b', 2, '2024-02-10', null)";

describe('columns that are added', () => {
  const columns = "unique_key='id', on_schema_change='append_new_columns'";
  const READER = `{{ config(materialized='incremental', unique_key='id') }}
select id, sum(_weight * coalesce(place, 0))::int as place from {{ changes(ref('NAME')) }} as c group by id`;

  test('are filled only in rows that the run writes, without backfill', async () => {
    await shop.execute(isThere);
    await shop.run({ plain: model(columns, 'id, n') });
    await shop.execute("delete from things where id = 'b'");
    await shop.execute("insert into things values ('c', 3, null, 7)");
    await shop.run({ plain: model(columns, 'id, n, place') + " where id <> 'a'" });
    expect(await shop.select('select id, place from shop.plain order by id')).toEqual([
      { id: 'a', place: null },
      { id: 'b', place: null },
      { id: 'c', place: 7 },
    ]);
  });

  // Airbyte#31420, dbt-adapters#1562.
  test('are filled in all rows with backfill, which the feed tells; rows that they say nothing of keep their xmin', async () => {
    await shop.execute(isThere);
    const incrementally = (selected: string): string =>
      `${model(`${columns}, backfill=true`, selected)} {% if is_incremental() %} where id = 'none' {% endif %}`;
    const reader = READER.replace('NAME', 'filled').replaceAll('place', 'n');
    await shop.run({ filled: incrementally('id, n'), reader });
    const xmin = (): Promise<unknown> => shop.select("select xmin::text from shop.filled where id = 'b'");
    const before = await xmin();
    await shop.execute("insert into things values ('c', 3, null, 7)");
    const [filled, read] = await shop.run({ filled: incrementally('id, n, place'), reader });
    expect(filled?.rows).toMatchObject({ in: 3, inserted: 1, updated: 1, unchanged: 1 });
    expect(read?.rows?.in).toBe(2);
    expect(await shop.select('select id, place from shop.filled order by id')).toEqual([
      { id: 'a', place: 5 },
      { id: 'b', place: null },
      { id: 'c', place: 7 },
    ]);
    expect(await xmin()).toEqual(before);
  });

  test('are filled in rows of the same load order too', async () => {
    await shop.execute(isThere);
    const settings = `${columns}, backfill=true, load_order='n'`;
    await shop.run({ ordered: model(settings, 'id, n') });
    const [result] = await shop.run({ ordered: model(settings, 'id, n, place') });
    expect(result?.rows).toMatchObject({ updated: 1, unchanged: 1 });
    expect(await shop.select("select place from shop.ordered where id = 'a'")).toEqual([{ place: 5 }]);
  });
});

describe('columns of a dimension and of periods', () => {
  const mart = (settings: string, selected: string): Record<string, string> => ({
    base: model("unique_key='id'", 'id, n, at'),
    mart: `{{ config(materialized='by_period', unique_key='month', period='month', period_column='month'${settings}) }}
{% do affected_periods("select at from " ~ changes(ref('base')) ~ " as c") %}
select date_trunc('month', at at time zone 'UTC')::date as month, ${selected}
from {{ ref('base') }} where {{ in_affected_periods('at') }} group by 1`,
  });

  // dbt-core#4473.
  test('fail the model by default, and build it anew where it says so', async () => {
    await shop.execute(isThere);
    await shop.run(mart('', 'sum(n) as total'));
    const wider = 'sum(n) as total, count(*) as things';
    await expect(shop.run(mart('', wider))).rejects.toThrow(/its columns changed \(\+things\)/);
    await shop.run(mart(", on_schema_change='sync_all_columns'", wider));
    expect(await shop.select('select total, things from shop.mart order by month')).toEqual([
      { total: '1', things: '1' },
      { total: '2', things: '1' },
    ]);
  });

  // dbt-core#1797, dbt-core#3146, dbt-core#10088.
  test('of a dimension that becomes another are there for all versions, under the surrogate keys of before', async () => {
    await shop.execute(isThere);
    await shop.run({ dim: dimension("type_2=['n']") });
    const keys = 'select sk from shop.dim order by id';
    const before = await shop.select(keys);
    await shop.run({ dim: dimension("type_2=['n'], type_1=['place']", 'id, n, place, at') });
    expect(await shop.select(keys)).toEqual(before);
    expect(await shop.select("select place from shop.dim where id = 'a'")).toEqual([{ place: 5 }]);
  });
});

test.each(['ignore', 'fail', 'append_new_columns', 'sync_all_columns'])(
  'under on_schema_change %s a column of another type is an error that names it and both types',
  async (policy) => {
    await shop.execute(isThere);
    const settings = `unique_key='id', on_schema_change='${policy}'`;
    const name = `typed_${policy}`;
    await shop.run({ [name]: model(settings, 'id, n, n::numeric(5, 1) as price') });
    await expect(
      shop.run({ [name]: model(settings, 'id, n::text as n, n::numeric(5, 2) as price') }),
    ).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: `Model shop.${name}: types changed (n from integer to text, price from numeric(5,1) to numeric(5,2)); cast, or run it with --full-refresh`,
    });
    await shop.run({ [name]: model(settings, 'id, n, n::numeric(5, 1) as price') });
  },
);

describe('settings that shape a relation', () => {
  test.each([
    ['unique_key', "unique_key='id'", "unique_key='n'"],
    ['load_order', "unique_key='id', load_order='n'", "unique_key='id', load_order='place'"],
    ['partition_by', "unique_key='id'", "unique_key='id', partition_by={'field': 'at'}"],
    ['delete_where', "unique_key='id'", "unique_key='id', delete_where='n = 2'"],
  ])('another %s builds the relation anew; its readers follow', async (setting, before, after) => {
    await shop.execute("insert into things values ('a', 1, '2024-01-10', 5), ('b', 2, '2024-02-10', 6)");
    const name = `by_${setting}`;
    const models = (settings: string): Record<string, string> => ({
      [name]: model(settings, 'id, n, at, place'),
      [`${name}_reader`]: `{{ config(materialized='incremental', unique_key='id') }}
select id, sum(_weight) as weight from {{ changes(ref('${name}')) }} as c group by id`,
    });
    await shop.run(models(before));
    const results = await shop.run(models(after));
    expect(results.map((r) => r.rows?.inserted)).toEqual(setting === 'delete_where' ? [1, 1] : [2, 2]);
    // Once is enough.
    expect((await shop.run(models(after))).map((r) => r.rows?.inserted)).toEqual([0, 0]);
  });

  test('a changed key does not merge on: what the old key kept apart, the new one finds', async () => {
    await shop.execute("insert into things values ('a', 1), ('b', 1)");
    await shop.run({ keyed: model("unique_key='id'", 'id, n') });
    await expect(shop.run({ keyed: model("unique_key='n'", 'id, n') })).rejects.toMatchObject({
      code: 'KEY_DUPLICATE',
      message: 'Model shop.keyed: 1 key occurs more than once (n; 2 rows)',
    });
    expect(await shop.select('select id from shop.keyed order by id')).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  test('where full_refresh is false they are an error', async () => {
    await shop.execute(isThere);
    await shop.run({ frozen: model("unique_key='id', full_refresh=false", 'id, n') });
    await expect(shop.run({ frozen: model("unique_key='n', full_refresh=false", 'id, n') })).rejects.toThrow(
      /shop\.frozen: unique_key changed, so it has to be built anew, which full_refresh=false forbids/,
    );
  });

  test('a relation of before, of which nothing is known, is merged on, and known from then on', async () => {
    await shop.execute(isThere);
    await shop.run({ older: model("unique_key='id'", 'id, n') });
    await shop.execute("update ops.relation set config = null where relation = 'shop.older'");
    const [result] = await shop.run({ older: model("unique_key='id'", 'id, n') });
    expect(result?.rows).toMatchObject({ inserted: 0, unchanged: 2 });
    expect(await shop.select("select config from ops.relation where relation = 'shop.older'")).toEqual([
      { config: { materialized: 'incremental', unique_key: ['id'] } },
    ]);
  });
});

describe('keys', () => {
  const nulls = "insert into things values (null, 1, '2024-01-01'), ('x', 2, '2024-01-01'), (null, 3, null)";

  // dbt-adapters#159, dbt-core#6415, dbt-core#7873.
  test.each([
    ['incremental', model("unique_key=['id', 'n']", 'id, n'), '2 rows with NULL in id'],
    ['scd2', dimension("type_2=['n']"), '2 rows with NULL in id, at'],
    [
      'by_period',
      `{{ config(materialized='by_period', unique_key='id', period='month', period_column='month') }}
select id, date_trunc('month', at)::date as month ${FROM}`,
      '2 rows with NULL in id, month',
    ],
    ['load order', model("unique_key='n', load_order='at'", 'n, at'), '1 row with NULL in at'],
  ])('a NULL in the key of %s names model, columns and count', async (kind, text, said) => {
    const name = `nulls_${kind.replace(' ', '_')}`;
    await shop.execute(nulls);
    await expect(shop.run({ [name]: text })).rejects.toMatchObject({
      code: 'KEY_NULL',
      message: `Model shop.${name}: ${said}`,
    });
  });

  // dbt-core#6215.
  test('a key that occurs twice in the changes of a dimension, or with the same load order, is KEY_DUPLICATE', async () => {
    await shop.execute("insert into things values ('a', 1, '2024-01-01', 1), ('a', 2, '2024-01-01', 1)");
    await expect(shop.run({ dup: dimension("type_2=['n']") })).rejects.toMatchObject({
      code: 'KEY_DUPLICATE',
      message: 'Model shop.dup: 1 key occurs more than once (id, at; 2 rows)',
    });
    await expect(
      shop.run({ tie: model("unique_key='id', load_order='place'", 'id, n, place') }),
    ).rejects.toMatchObject({
      code: 'KEY_DUPLICATE',
      message: 'Model shop.tie: 1 row with key and load order of another (id)',
    });
  });
});

test('two relations of one name in two schemas are built at once without meeting', async () => {
  await shop.execute(isThere);
  const text = { same: model("unique_key='id', partition_by={'field': 'at'}", 'id, n, at') };
  const warehouses = await Promise.all(
    ['north', 'south'].map((schema) => TestWarehouse.open(shop.pool, shop.compile(text, schema))),
  );
  await Promise.all(warehouses.map((warehouse) => warehouse.run()));
  const tables = await shop.select(
    "select schemaname, tablename from pg_tables where schemaname in ('north', 'south') order by 1, 2",
  );
  expect(tables.map((t) => `${String(t['schemaname'])}.${String(t['tablename'])}`)).toEqual(
    ['north', 'south'].flatMap((s) => ['same', 'same_2024_01', 'same_2024_02'].map((t) => `${s}.${t}`)),
  );
});

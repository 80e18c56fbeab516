import type { DatabasePool } from 'slonik';
import { compileProject } from '../../../src/compiler/compile-project';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import type { NodeResult } from '../../../src/wire/transform';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { TestWarehouse } from '../../support/test-warehouse';

/**
 * Staging, a dimension with tombstones, and facts that look the dimension up: what is written to `things` goes through
 * all three, and then a full refresh has to find nothing else.
 */
const MODELS = {
  stg_things: `{{ config(materialized='incremental', unique_key=['id', 'at'], load_order='place') }}
select id, at, since, plan, email, channel, is_deleted, place from {{ source('raw', 'things') }}`,
  dim_thing: `{{ config(materialized='scd2', unique_key='id', updated_at='at', starts_at='since', tombstone='is_deleted',
  type_2='plan', type_1='email', type_0=['channel', 'since'], surrogate_key='sk') }}
select id, at, since, plan, email, channel, is_deleted from {{ ref('stg_things') }}
{% if is_incremental() %}where id in (select id from {{ changes(ref('stg_things')) }} as c){% endif %}`,
  fct_events: `{{ config(materialized='incremental', unique_key='event_id') }}
select e.event_id, d.sk, d.plan
from {{ source('raw', 'events') }} as e
left join {{ ref('dim_thing') }} as d on d.id = e.id and d.valid_from <= e.at and e.at < coalesce(d.valid_to, 'infinity')
{% if is_incremental() %}
where exists (
  select from {{ changes(ref('dim_thing')) }} as c
  where c.id = e.id and c.valid_from <= e.at and e.at < coalesce(c.valid_to, 'infinity')
){% endif %}`,
};

const manifest = compileProject({
  files: [
    { path: 'dbt_project.yml', text: 'name: shop\nmodels:\n  shop:\n    +schema: shop\n' },
    {
      path: 'models/sources.yml',
      text: 'version: 2\nsources: [{name: raw, schema: public, tables: [{name: things}, {name: events}]}]',
    },
    ...Object.entries(MODELS).map(([name, text]) => ({ path: `models/${name}.sql`, text })),
  ],
  datasets: [],
});

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

const execute = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await pool.query(rawSql(statement));
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  await execute(
    `create table things (id text, at date, since date, plan text, email text, channel text, is_deleted boolean,
      place integer generated always as identity)`,
    'create table events (event_id integer, id text, at date)',
  );
  warehouse = await TestWarehouse.open(pool, manifest);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

beforeEach(() => execute('truncate things, events', 'drop schema if exists shop cascade'));

/** Of day `at` (of January 2024) a live row with a plan, or a tombstone. */
const live = (at: number, plan: string, more: { id?: string; since?: number } = {}): string => {
  const { id = 'a', since = at } = more;
  return `('${id}', '2024-01-${at}', '2024-01-${since}', '${plan}', 'e${at}', 'c${at}', false)`;
};
const gone = (at: number, id = 'a'): string => `('${id}', '2024-01-${at}', null, null, null, null, true)`;

const write = (...rows: string[]): Promise<void> =>
  execute(`insert into things (id, at, since, plan, email, channel, is_deleted) values ${rows.join(', ')}`);

const DAY = (column: string): string => `extract(day from ${column})::int`;

/** `id plan from-to email channel since`, in order; the last window of a living thing has no end. */
const versions = async (): Promise<string[]> =>
  (
    await select(`select concat_ws(' ', id, plan, ${DAY('valid_from')} || '-' || coalesce(${DAY('valid_to')}::text, ''),
      email, channel, ${DAY('since')}) as v from shop.dim_thing order by id, valid_from`)
  ).map((row) => String(row['v']));

const allRows = async (): Promise<unknown> => [
  await select('select * from shop.dim_thing order by id, valid_from'),
  await select('select * from shop.fct_events order by event_id'),
];

/** Runs, and sees that a full refresh changes nothing. */
const run = async (): Promise<NodeResult[]> => {
  const results = await warehouse.run();
  const before = await allRows();
  await warehouse.run({ fullRefresh: true });
  expect(await allRows()).toEqual(before);
  return results;
};

test('a tombstone closes the version before it, and starts none: nothing is current', async () => {
  await write(live(1, 'free'), live(5, 'pro'), gone(9));
  await run();
  expect(await versions()).toEqual(['a free 1-5 e5 c1 1', 'a pro 5-9 e5 c1 1']);
  expect(await select('select is_current, count(*)::int as n from shop.dim_thing group by 1')).toEqual([
    { is_current: false, n: 2 },
  ]);
});

// dlt#1683, dbt-core#11949.
test('what comes back starts a version of its own, even if it looks as before; only the gap is not covered', async () => {
  await write(live(1, 'free'), gone(5), live(9, 'free'), live(10, 'free'));
  await run();
  expect(await versions()).toEqual(['a free 1-5 e10 c1 1', 'a free 9- e10 c1 1']);
});

// dbt-adapters#654, dbt-adapters#1240.
test('of several tombstones in a row the earliest counts, also when it arrives last', async () => {
  await write(live(1, 'free'), gone(9), gone(12));
  await run();
  expect(await versions()).toEqual(['a free 1-9 e1 c1 1']);
  await write(gone(5));
  await run();
  expect(await versions()).toEqual(['a free 1-5 e1 c1 1']);
});

test('a backdated tombstone cuts a version in two: what was effective after it lives on', async () => {
  await write(live(1, 'free'), live(9, 'pro'), live(12, 'pro'));
  await run();
  const before = await select("select sk, xmin::text from shop.dim_thing where plan = 'free'");
  await write(gone(10));
  await warehouse.run();
  expect(await versions()).toEqual(['a free 1-9 e12 c1 1', 'a pro 9-10 e12 c1 1', 'a pro 12- e12 c1 1']);
  expect(await select("select sk, xmin::text from shop.dim_thing where plan = 'free'")).toEqual(before);
  await write(gone(5));
  await run();
  expect((await versions())[0]).toBe('a free 1-5 e12 c1 1');
});

test('a tombstone that is corrected to a live row joins the history again', async () => {
  await write(live(1, 'free'), gone(5), live(9, 'free'));
  await run();
  await write(live(5, 'free'));
  await run();
  expect(await versions()).toEqual(['a free 1- e9 c1 1']);
});

test('of a tombstone and a change at one instant the one loaded last stands', async () => {
  await write(live(1, 'free'), live(1, 'free', { id: 'b' }));
  await write(live(5, 'pro'), gone(5), gone(5, 'b'), live(5, 'pro', { id: 'b' }));
  await run();
  expect(await versions()).toEqual(['a free 1-5 e1 c1 1', 'b free 1-5 e5 c1 1', 'b pro 5- e5 c1 1']);
});

test('a tombstone before the first row closes nothing, but keeps it from starting earlier than it says', async () => {
  await write(live(9, 'free', { since: 3 }), live(9, 'free', { id: 'b', since: 3 }), gone(5, 'b'));
  await run();
  expect(await versions()).toEqual(['a free 3- e9 c9 3', 'b free 9- e9 c9 3']);
});

test('a key with nothing but tombstones has no versions, and loses those it had', async () => {
  await write(gone(5), live(7, 'free', { id: 'b' }));
  await run();
  expect(await versions()).toEqual(['b free 7- e7 c7 7']);
  await write(gone(7, 'b'));
  const results = await run();
  expect(results.find((r) => r.label === 'shop.dim_thing')?.rows).toMatchObject({
    ...{ inserted: 0, updated: 0, deleted: 1 },
  });
  expect(await versions()).toEqual([]);
});

test('a tombstone that is NULL is none', async () => {
  await execute("insert into things (id, at, plan) values ('a', '2024-01-02', 'free')");
  await run();
  expect(await select('select is_current from shop.dim_thing')).toEqual([{ is_current: true }]);
});

test('facts in a window that closes are restated, and again when the thing comes back', async () => {
  await execute(
    "insert into events values (1, 'a', '2024-01-04'), (2, 'a', '2024-01-08'), (3, 'a', '2024-01-20')",
  );
  await write(live(1, 'free'));
  await run();
  const plans = async (): Promise<unknown[]> =>
    (await select('select plan from shop.fct_events order by event_id')).map((row) => row['plan']);
  expect(await plans()).toEqual(['free', 'free', 'free']);
  await write(gone(6));
  await run();
  expect(await plans()).toEqual(['free', null, null]);
  await write(live(15, 'pro'));
  await run();
  expect(await plans()).toEqual(['free', null, 'pro']);
});

test('the tombstone can have no other part, and has to be selected', async () => {
  const broken = (settings: string, columns: string) => ({
    path: 'models/d.sql',
    text: `{{ config(materialized='scd2', schema='shop', unique_key='id', updated_at='at', tombstone='is_deleted', surrogate_key='sk', ${settings}) }}
select ${columns} from {{ source('raw', 'things') }}`,
  });
  const runBroken = async (settings: string, columns: string): Promise<unknown> => {
    const files = [
      { path: 'dbt_project.yml', text: 'name: other' },
      {
        path: 'models/s.yml',
        text: 'version: 2\nsources: [{name: raw, schema: public, tables: [{name: things}]}]',
      },
      broken(settings, columns),
    ];
    return (await TestWarehouse.open(pool, compileProject({ files, datasets: [] }))).run();
  };
  await expect(runBroken("type_2=['plan', 'is_deleted']", 'id, at, plan, is_deleted')).rejects.toThrow(
    'is_deleted is the tombstone, and can be nothing else',
  );
  await expect(runBroken("type_2='plan'", 'id, at, plan')).rejects.toThrow('config names is_deleted');
});

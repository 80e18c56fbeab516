import { adoptPartitions } from '../../../src/db/adopt-partitions';
import type { ManifestModel } from '../../../src/compiler/manifest';
import { openSession } from '../../support/database';
import { Shop } from '../../support/shop';
import { waitFor } from '../../support/wait-for';

const PARTITION = "partition_by={'field': 'at'}";
const merged = (settings = ''): string =>
  `{{ config(materialized='incremental', unique_key='id', indexes=[{'columns': ['n']}]${settings}) }}\n`;
const READER = `{{ config(materialized='incremental', unique_key='id') }}
select id, sum(_weight) as weight from {{ changes(ref('m')) }} as c group by 1`;
const models = (settings = '') => ({
  m: `${merged(settings)}select id, n, at from {{ source('plain', 'things') }}`,
  reader: READER,
});
const plain = models();
const partitioned = models(`, full_refresh=false, ${PARTITION}`);

let shop: Shop;
beforeEach(async () => {
  shop = await Shop.open();
  await shop.execute(`insert into things (id, n, at)
    select 'k' || i, i, timestamptz '2023-01-01Z' + i * interval '1 hour' from generate_series(1, 5000) as i`);
  await shop.run(plain);
});
afterEach(() => shop.close());

const adopt = (project = partitioned) => {
  const model = Object.values(shop.compile(project).nodes).find((n) => n.name === 'm') as ManifestModel;
  return adoptPartitions(shop.pool, { model, signal: new AbortController().signal });
};
const one = async (query: string): Promise<unknown> => Object.values((await shop.select(query))[0] ?? {})[0];
const contents = (): Promise<unknown> =>
  one("select md5(string_agg(t::text, ',' order by id)) || count(*) from shop.m as t");
const kind = (): Promise<unknown> => one("select relkind::text from pg_class where oid = 'shop.m'::regclass");

test('a plain table is partitioned: every row, its indexes, grants and views; feed and progress go on', async () => {
  await shop.execute(
    'create view mine as select id from shop.m',
    'create index mine on shop.m using btree (n desc) where n > 7',
    'grant select on shop.m to public',
  );
  const before = [await contents(), await one("select version from ops.relation where relation = 'shop.m'")];
  expect(await adopt()).toEqual({ relation: 'shop.m', state: 'adopted', rows: 5000 });
  expect([await contents(), await one("select version from ops.relation where relation = 'shop.m'")]).toEqual(
    before,
  );
  expect(await kind()).toBe('p');
  expect(await one("select count(*)::int from pg_inherits where inhparent = 'shop.m'::regclass")).toBe(7);
  expect(await one('select count(*)::int from strata_keys."shop.m"')).toBe(5000);
  expect(await one('select count(*)::int from mine')).toBe(5000);
  expect(await one("select has_table_privilege('public', 'shop.m', 'select')")).toBe(true);
  expect(
    await one("select count(*)::int from pg_index where indrelid = 'shop.m'::regclass and not indisunique"),
  ).toBe(2);
  // What full_refresh=false would forbid: it goes on from where it stands, the reader too.
  await shop.execute(
    "update things set n = -1, at = '2024-05-05Z' where id = 'k7'",
    "insert into things values ('new', 1, '2024-06-06Z')",
  );
  const results = await shop.run(partitioned);
  expect(results.map((r) => r.rows)).toMatchObject([
    { inserted: 1, updated: 1, deleted: 0 },
    { inserted: 1, updated: 1 },
  ]);
  expect(await one("select tableoid::regclass::text from shop.m where id = 'k7'")).toBe('shop.m_2024_05');
  expect(await adopt()).toEqual({ relation: 'shop.m', state: 'already', rows: 0 });
});

test('readers go on while it is copied and while the swap waits; a writer waits, and loses nothing', async () => {
  const [reader, writer, other] = await Promise.all([shop.url, shop.url, shop.url].map(openSession));
  if (!reader || !writer || !other) throw new Error('no session');
  try {
    // A reader that has the table open: the swap waits for it, and lets others through meanwhile.
    await reader.query('begin');
    await reader.query('select count(*) from shop.m');
    const adopting = adopt();
    await waitFor(
      async () =>
        (
          await shop.select(
            "select from pg_stat_activity where application_name = 'strata adopt shop.m' and wait_event = 'PgSleep'",
          )
        ).length > 0,
    );
    await other.query("set lock_timeout = '10s'");
    expect(await other.query('select count(*)::int as n from shop.m')).toEqual([{ n: 5000 }]);
    const writing = writer
      .query("insert into shop.m (id, n, at) values ('by hand', 1, '2025-01-01Z')")
      .catch((e: unknown) => e);
    await waitFor(
      async () =>
        (
          await shop.select(
            "select from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into shop.m%'",
          )
        ).length > 0,
    );
    expect(await reader.query('select count(*)::int as n from shop.m')).toEqual([{ n: 5000 }]);
    await reader.query('commit');
    expect(await adopting).toMatchObject({ state: 'adopted', rows: 5000 });
    // The table that the writer had in hand is gone, or it came to the new one, which has no such month: it is told.
    expect(await writing).toMatchObject({ code: expect.stringMatching(/^(42P01|23514|XX000)$/) });
  } finally {
    await Promise.all([reader, writer, other].map((session) => session.close()));
  }
  expect(await one('select count(*)::int from shop.m')).toBe(5000);
});

test('a run of the model waits, and then finds the partitioned table', async () => {
  await shop.execute("insert into things values ('new', 1, '2024-06-06Z')");
  const warehouse = await shop.warehouse(partitioned);
  const { runId, planned } = await warehouse.plan();
  const [adopted, result] = await Promise.all([
    adopt(),
    waitFor(async () => warehouse.runNode(runId, planned.nodes[0]?.id ?? '')),
  ]);
  expect(adopted.state).toBe('adopted');
  expect(result.rows).toMatchObject({ inserted: 1 });
});

test.each([
  ['a model without partition_by', plain, 'ADOPT_REFUSED'],
  ['a column that is not there', models(", partition_by={'field': 'nowhere'}"), 'ADOPT_REFUSED'],
])('%s is refused, and nothing has changed', async (_what, project, code) => {
  const before = await contents();
  await expect(Promise.resolve().then(() => adopt(project))).rejects.toMatchObject({ code });
  expect([await kind(), await contents()]).toEqual(['r', before]);
});

test('NULL has no month: refused, and nothing has changed', async () => {
  await shop.execute("insert into shop.m (id, n) values ('nowhen', 1)");
  const before = await contents();
  await expect(adopt()).rejects.toMatchObject({ code: 'KEY_NULL' });
  expect([await kind(), await contents()]).toEqual(['r', before]);
  expect(await shop.select("select from pg_namespace where nspname like 'strata_build%'")).toEqual([]);
});

test('a table that no run has built is refused', async () => {
  await shop.execute(
    'drop table shop.m cascade',
    'create table shop.m (id text, n integer, at timestamptz)',
    "delete from ops.relation where relation = 'shop.m'",
  );
  await expect(adopt()).rejects.toMatchObject({ code: 'ADOPT_REFUSED' });
});

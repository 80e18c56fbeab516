import type { CommonQueryMethods } from 'slonik';
import {
  applyDelta,
  compareStaged,
  type DeltaInput,
  feedDelta,
} from '../../../src/compiler/materializations/delta';
import { applyToKeyPlaces, type KeyPlaces } from '../../../src/compiler/materializations/key-places';
import { partitionedRelations, partitionItems } from '../../../src/db/partition-list';
import { makeAllPartitionsAhead } from '../../../src/db/partitions';
import { probing } from '../../../src/db/probing';
import { rawSql } from '../../../src/db/raw-sql';
import { sqlStateOf } from '../../../src/db/sqlstate';
import { sweepKeys } from '../../../src/db/sweep-keys';
import { openSession } from '../../support/database';
import { Shop } from '../../support/shop';
import { waitFor } from '../../support/wait-for';

const CONFIG = "{{ config(materialized='incremental', unique_key='id', partition_by={'field': 'at'}) }}\n";
const models = {
  m: `${CONFIG}select id, n, at from {{ source('plain', 'things') }}`,
  // Makes the feed be written.
  reader: `{{ config(materialized='incremental', unique_key='id') }}
select id, sum(_weight) as weight from {{ changes(ref('m')) }} as c group by 1`,
};
const target = { schema: 'shop', name: 'm' };
const places: KeyPlaces = { table: { schema: 'strata_keys', name: 'shop.m' }, key: ['id'], field: 'at' };
const MONTHS = 24;

let shop: Shop;
beforeEach(async () => {
  shop = await Shop.open();
});
afterEach(() => shop.close());

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

const touchedBy = (node: PlanNode): string[] => [
  ...(node['Actual Loops'] > 0 ? [node['Relation Name'] ?? []].flat() : []),
  ...(node.Plans ?? []).flatMap(touchedBy),
];

/** The partitions of `m` that a statement looks into, as EXPLAIN says; what the plan has and never executes is left out. */
const partitionsTouched = async (connection: CommonQueryMethods, statement: string): Promise<string[]> => {
  const { rows } = await connection.query(rawSql(`explain (analyze, format json) ${statement}`));
  const plan = (rows[0] as { 'QUERY PLAN': [{ Plan: PlanNode }] })['QUERY PLAN'][0].Plan;
  return [...new Set(touchedBy(plan).filter((name) => name.startsWith('m_')))].sort();
};

/** Two years of things, a hundred each month: those of month i are `i-1` to `i-100`. */
const fill = () =>
  shop.execute(`insert into things select i || '-' || k, k, timestamptz '2022-01-01Z' + i * interval '1 month' + k * interval '1 hour', 0
    from generate_series(0, ${MONTHS - 1}) as i, generate_series(1, 100) as k`);

const waitForWaiter = (): Promise<unknown> =>
  waitFor(
    async () =>
      (
        await shop.select(
          "select from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory' and datname = current_database()",
        )
      ).length > 0,
  );

const inTransaction = <T>(work: (connection: CommonQueryMethods) => Promise<T>): Promise<T> =>
  shop.pool.transaction(work);

describe('queries touch only the partitions they must', () => {
  beforeEach(async () => {
    await fill();
    await shop.run(models);
  });

  test('the sum of one month', async () => {
    const month = "at >= '2023-03-01Z' and at < '2023-04-01Z'";
    expect(await partitionsTouched(shop.pool, `select sum(n) from shop.m where ${month}`)).toEqual([
      'm_2023_03',
    ]);
  });

  test('the row of a key, found by where it lies', async () => {
    const lookUp = `select t.* from strata_keys."shop.m" as k
      cross join lateral (select * from shop.m as t where t.id = k.id and t.at = k.at offset 0) as t where k.id = '14-7'`;
    expect(await partitionsTouched(shop.pool, lookUp)).toEqual(['m_2023_03']);
  });

  test('a batch is compared, fed and merged in the months of its rows, old and new', async () => {
    const delta: DeltaInput = {
      target,
      columns: ['id', 'n', 'at'],
      key: ['id'],
      partitionField: 'at',
      places,
      lookup: 'probe',
    };
    // One that changes, one that moves from one month to another, one that is new.
    const staged = `create temporary table _strata_staged on commit drop as
      select '14-7'::text as id, 700 as n, timestamptz '2023-03-01T07:00Z' as at
      union all select '2-5', 5, timestamptz '2022-06-15Z' union all select 'new', 1, timestamptz '2023-11-11Z'`;
    const touched = await inTransaction((connection) =>
      probing(connection, true, async () => {
        await connection.query(rawSql(staged));
        const [compare] = compareStaged(delta) as [string];
        const seen = [await partitionsTouched(connection, compare)];
        seen.push(await partitionsTouched(connection, feedDelta(delta, 9n)));
        for (const { sql } of [...applyToKeyPlaces(places), ...applyDelta(delta)])
          seen.push(await partitionsTouched(connection, sql));
        return [...new Set(seen.flat())].sort();
      }),
    );
    // Where rows go to is no part of a plan: an insert looks into nothing.
    expect(touched).toEqual(['m_2022_03', 'm_2023_03']);
  });
});

test('a key is unique over all partitions, and the database itself refuses a second place', async () => {
  await fill();
  await shop.run(models);
  const insert = shop.execute(`insert into strata_keys."shop.m" (id, at) values ('14-7', '2023-09-09Z')`);
  expect(await insert.catch((error: unknown) => sqlStateOf(error))).toBe('23505');
  // A place that is lost: the row of the key stands, and a run fails rather than that it makes a second one.
  await shop.execute(
    `delete from strata_keys."shop.m" where id = '14-7'`,
    "update things set n = 8 where id = '14-7'",
  );
  await expect(shop.run(models)).rejects.toMatchObject({ code: 'KEY_DUPLICATE' });
});

test('a month of its own from 1990 to five years from now; else one partition a century', async () => {
  const year = new Date().getUTCFullYear();
  await shop.execute(`insert into things (id, at) values ('a', '1989-12-31T23:59:59.999999Z'), ('b', '1990-01-01Z'),
    ('c', '${year + 5}-12-31Z'), ('d', '${year + 6}-01-01Z'), ('e', '${year + 7}-05-05Z')`);
  await shop.execute(
    `insert into things (id, at) select 'odd ' || y, make_timestamptz(y, 7, 1, 0, 0, 0, 'UTC') from generate_series(1, 1989) as y`,
  );
  await shop.run(models);
  const of = await shop.select(
    `select id, tableoid::regclass::text as t from shop.m where id in ('a', 'b', 'c', 'd', 'e') order by id`,
  );
  expect(of.map(({ t }) => t)).toEqual([
    'shop.m_y1900_y1990',
    'shop.m_1990_01',
    `shop.m_${year + 5}_12`,
    `shop.m_y${year + 6}_y2100`,
    `shop.m_y${year + 6}_y2100`,
  ]);
  expect(
    await shop.select(
      `select count(*)::int as n from pg_inherits where inhparent = 'shop.m'::regclass and inhrelid::regclass::text like 'shop.m_y%'`,
    ),
  ).toEqual([{ n: 21 }]);
});

const monthsFromNow = (months: number): string => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1))
    .toISOString()
    .slice(0, 7)
    .replace('-', '_');
};
const partitionNames = async (): Promise<string[]> =>
  (
    await shop.select(
      "select relname from pg_class where relispartition and relname like 'm\\_%' and relkind = 'r' order by 1",
    )
  ).map((r) => String(r['relname']));

test('a relation with rows of these days has its partitions ahead, from its run and from maintenance; one of old rows has none', async () => {
  await shop.execute("insert into things (id, at) values ('old', '2013-05-05Z')");
  await shop.run(models);
  expect(await makeAllPartitionsAhead(shop.pool)).toBe(0);
  expect(await partitionNames()).toEqual(['m_2013_05']);
  await shop.execute(
    "insert into things (id, at) values ('new', date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')",
  );
  await shop.run(models);
  const ahead = [0, 1, 2].map((n) => `m_${monthsFromNow(n)}`);
  expect(await partitionNames()).toEqual(['m_2013_05', ...ahead]);
  await shop.execute(`drop table shop.m_${monthsFromNow(2)}`);
  expect(await makeAllPartitionsAhead(shop.pool)).toBe(1);
  expect(await makeAllPartitionsAhead(shop.pool)).toBe(0);
  expect(await partitionNames()).toEqual(['m_2013_05', ...ahead]);
});

test('a partition that a run makes holds up no reader of the others', async () => {
  await fill();
  await shop.run(models);
  await shop.execute("insert into things (id, n, at) values ('later', 1, '2024-05-05Z')");
  const warehouse = await shop.warehouse(models);
  const { runId, planned } = await warehouse.plan();
  await shop.execute(
    'create function wait_here() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(77); return new; end $$',
  );
  await shop.execute(
    'create trigger wait_here before insert on strata_keys."shop.m" for each row execute function wait_here()',
  );
  await shop.pool.connect(async (holder) => {
    await holder.query(rawSql('select pg_advisory_lock(77)'));
    const running = warehouse.runNode(runId, planned.nodes[0]?.id ?? '');
    const reader = await openSession(shop.url);
    try {
      await reader.query("set lock_timeout = '5s'");
      await waitForWaiter();
      expect(await reader.query('select count(*)::int as n from shop.m')).toEqual([{ n: MONTHS * 100 }]);
    } finally {
      await reader.close();
      await holder.query(rawSql('select pg_advisory_unlock(77)'));
    }
    await running;
  });
  expect(await shop.select("select tableoid::regclass::text as t from shop.m where id = 'later'")).toEqual([
    { t: 'shop.m_2024_05' },
  ]);
});

test('the list says of each partition its period, rows, size and when it last changed', async () => {
  await shop.execute(
    "insert into things (id, n, at) values ('a', 1, '1850-06-01Z'), ('b', 1, '2024-01-15Z'), ('c', 1, '2024-02-15Z')",
  );
  await shop.run(models);
  const list = async () => {
    const [relation] = await partitionedRelations(shop.pool, 'm');
    if (!relation) throw new Error('no relation');
    return partitionItems(shop.pool, relation, { exact: true });
  };
  const before = await list();
  expect(before).toMatchObject([
    { partition: 'm_y1800_y1900', from: '1800-01-01', to: '1900-01-01', rows: 1, state: 'live' },
    { partition: 'm_2024_01', from: '2024-01-01', to: '2024-02-01', rows: 1, relation: 'shop.m', model: 'm' },
    { partition: 'm_2024_02', from: '2024-02-01', to: '2024-03-01', rows: 1 },
  ]);
  for (const { bytes, changedAt } of before) {
    expect(bytes).toBeGreaterThan(0);
    expect(changedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
  await shop.execute("update ops.partition_change set changed_at = '2020-02-02Z'");
  // Moves from January to March: both have changed, and nothing else.
  await shop.execute("update things set at = '2024-03-01Z' where id = 'b'");
  await shop.run(models);
  const changed = (await list()).filter(({ changedAt }) => changedAt !== '2020-02-02T00:00:00Z');
  expect(changed.map(({ partition, rows }) => [partition, rows])).toEqual([
    ['m_2024_01', 0],
    ['m_2024_03', 1],
  ]);
  expect(await partitionedRelations(shop.pool, 'shop.m')).toHaveLength(1);
  expect(await partitionedRelations(shop.pool, 'reader')).toEqual([]);
});

test('tables of keys go with their relation, and not while it stands or somebody works at it', async () => {
  await fill();
  await shop.run(models);
  const keys = () =>
    shop.select(
      "select relname from pg_class where relnamespace = 'strata_keys'::regnamespace and relkind = 'r'",
    );
  expect(await sweepKeys(shop.pool)).toBe(0);
  await shop.execute('drop table shop.m');
  await shop.pool.connect(async (worker) => {
    await worker.query(rawSql("select pg_advisory_lock(hashtextextended('shop.m', 0))"));
    expect(await sweepKeys(shop.pool)).toBe(0);
    await worker.query(rawSql("select pg_advisory_unlock(hashtextextended('shop.m', 0))"));
  });
  expect(await keys()).toHaveLength(1);
  expect(await sweepKeys(shop.pool)).toBe(1);
  expect(await keys()).toEqual([]);
  // One that comes back makes its own.
  await shop.run(models);
  expect(await shop.select('select count(*)::int as n from strata_keys."shop.m"')).toEqual([
    { n: MONTHS * 100 },
  ]);
});

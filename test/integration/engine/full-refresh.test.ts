import fc from 'fast-check';
import { Shop } from '../../support/shop';

const model = (settings: string): string =>
  `{{ config(materialized='incremental', unique_key='id', ${settings}) }}\nselect id, n, at from {{ source('plain', 'things') }}`;
const PARTITIONED = model("partition_by={'field': 'at'}");

const ROWS = 'select id, n, at from shop.m order by id';
const PLACES = 'select id, at from strata_keys."shop.m" order by id';

let shop: Shop;
beforeEach(async () => {
  shop = await Shop.open();
});
afterEach(() => shop.close());

const fullRefresh = (m: string) => shop.run({ m }, { fullRefresh: true });

/** Where each row lies, and what wrote it. */
const places = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await shop.select('select id, tableoid::text || ctid::text || xmin::text as place from shop.m')).map(
      ({ id, place }) => [String(id), String(place)],
    ),
  );

const changedMonths = async (): Promise<unknown[]> =>
  (
    await shop.select("select month::text from ops.partition_change where relation = 'shop.m' order by 1")
  ).map(({ month }) => month);

describe('over a relation that stands', () => {
  beforeEach(async () => {
    await shop.execute(`insert into things (id, n, at)
      select i || '-' || k, k, timestamptz '2025-01-01Z' + i * interval '1 month' + k * interval '1 hour'
      from generate_series(0, 3) as i, generate_series(1, 5) as k`);
    await shop.run({ m: PARTITIONED });
  });

  test('rows, and places of keys, that somebody changed, took away or put there are put right; the others stay', async () => {
    const before = await places();
    await shop.execute(
      "update shop.m set n = 99 where id = '1-1'",
      "delete from shop.m where id = '2-2'",
      "insert into shop.m (id, n, at) values ('x', 1, '2025-03-03Z'), ('3-3', 3, '2025-01-31Z')",
      `update strata_keys."shop.m" set at = '2025-02-02Z' where id = '3-4'`,
      `delete from strata_keys."shop.m" where id = '3-5'`,
      "insert into things (id, n, at) values ('new', null, '2025-09-09Z')",
      "delete from ops.partition_change where relation = 'shop.m'",
    );
    await fullRefresh(PARTITIONED);
    expect(await shop.select(ROWS)).toEqual(await shop.select('select id, n, at from things order by id'));
    expect(await shop.select(PLACES)).toEqual(await shop.select('select id, at from things order by id'));
    const after = await places();
    const touched = Object.keys(after).filter((id) => after[id] !== before[id]);
    expect(touched.sort()).toEqual(['1-1', '2-2', 'new']);
    expect(await changedMonths()).toEqual(['2025-01-01', '2025-02-01', '2025-03-01', '2025-09-01']);
  });

  test('the places of keys are made anew where they are gone', async () => {
    await shop.execute('drop table strata_keys."shop.m"');
    await fullRefresh(PARTITIONED);
    expect(await shop.select(PLACES)).toEqual(await shop.select('select id, at from things order by id'));
  });

  test('with nothing that differs nothing is written, and no month counts as changed', async () => {
    const before = await places();
    await shop.execute("delete from ops.partition_change where relation = 'shop.m'");
    await fullRefresh(PARTITIONED);
    expect(await places()).toEqual(before);
    expect(await changedMonths()).toEqual([]);
  });

  test('a row that is not written, since a trigger keeps it as it was, is ROWS_NOT_CONSERVED', async () => {
    await shop.execute(
      `create function keep() returns trigger language plpgsql as 'begin return null; end'`,
      'create trigger keep before update on shop.m for each row execute function keep()',
      "update things set n = 99 where id = '1-1'",
    );
    await expect(fullRefresh(PARTITIONED)).rejects.toMatchObject({ code: 'ROWS_NOT_CONSERVED' });
  });

  test('made otherwise (an index, no partitions), it is built beside and takes its place', async () => {
    for (const settings of [
      "partition_by={'field': 'at'}, indexes=[{'columns': ['n']}]",
      "indexes=[{'columns': ['n']}]",
    ]) {
      await fullRefresh(model(settings));
      expect(await shop.select(ROWS)).toEqual(await shop.select('select id, n, at from things order by id'));
      expect(
        await shop.select(
          "select from pg_indexes where schemaname = 'shop' and tablename = 'm' and indexdef like '%(n)'",
        ),
      ).toHaveLength(1);
    }
  });
});

test("rebuild='beside' makes another relation with all rows, and keeps what is granted", async () => {
  const oid = () => shop.select("select 'shop.m'::regclass::oid::bigint as oid");
  for (const settings of ["partition_by={'field': 'at'}", 'fillfactor=90']) {
    await shop.execute(
      'delete from things',
      "insert into things (id, n, at) values ('a', 1, '2025-01-01Z'), ('b', 2, '2025-02-01Z')",
    );
    await fullRefresh(model(settings));
    await shop.execute('grant select on shop.m to public');
    const before = await oid();
    await fullRefresh(model(settings));
    expect(await oid()).toEqual(before);
    await shop.execute('update things set n = n + 1');
    const [result] = await fullRefresh(model(`${settings}, rebuild='beside'`));
    expect(result?.rows).toMatchObject({ in: 2, inserted: 2 });
    expect(await oid()).not.toEqual(before);
    expect(await shop.select(ROWS)).toEqual(await shop.select('select id, n, at from things order by id'));
    expect(await shop.select("select has_table_privilege('public', 'shop.m', 'select') as may")).toEqual([
      { may: true },
    ]);
  }
});

describe('a key that is staged twice is KEY_DUPLICATE, and the relation stays as it was', () => {
  const TWICE = {
    'the same row': "('a', 1, '2025-01-01Z')",
    'another row': "('a', 2, '2025-01-01Z')",
    'in another month': "('a', 1, '2025-05-01Z')",
    'both of them new': "('b', 1, '2025-01-01Z'), ('b', 1, '2025-01-01Z')",
    'both of them new, in two months': "('b', 1, '2025-01-01Z'), ('b', 1, '2025-02-01Z')",
  };
  const KINDS = {
    plain: model('indexes=[]'),
    partitioned: PARTITIONED,
    'built beside': model("partition_by={'field': 'at'}, rebuild='beside'"),
  };

  describe.each(Object.entries(KINDS))('%s', (_kind, m) => {
    test.each(Object.entries(TWICE))('%s', async (_what, values) => {
      await shop.execute(
        "insert into things (id, n, at) values ('a', 1, '2025-01-01Z'), ('z', 1, '2025-06-01Z')",
      );
      await shop.run({ m });
      const before = await places();
      await shop.execute(`insert into things (id, n, at) values ${values}`);
      const duplicate = {
        code: 'KEY_DUPLICATE',
        message: expect.stringMatching(/1 key occurs more than once \(id; 2 rows\)/),
      };
      await expect(fullRefresh(m)).rejects.toMatchObject(duplicate);
      expect(await places()).toEqual(before);
    });
  });

  test.each(Object.entries(KINDS))('at the first build, %s', async (_kind, m) => {
    await shop.execute(
      "insert into things (id, n, at) values ('a', 1, '2025-01-01Z'), ('a', 1, '2025-06-01Z')",
    );
    await expect(shop.run({ m })).rejects.toMatchObject({ code: 'KEY_DUPLICATE' });
  });

  test('a unique index of somebody else is no key: its violation is told as what it is', async () => {
    await shop.execute("insert into things (id, n, at) values ('a', 1, '2025-01-01Z')");
    await shop.run({ m: KINDS.plain });
    await shop.execute(
      'create unique index on shop.m (n)',
      "insert into things (id, n, at) values ('b', 1, '2025-01-01Z')",
    );
    await expect(fullRefresh(KINDS.plain)).rejects.toMatchObject({
      message: expect.stringContaining('m_n_idx'),
    });
  });
});

test('with a load order the newest row of a key stands, and of two with the same one chance never decides', async () => {
  const m = `{{ config(materialized='incremental', unique_key='id', load_order=['n']) }}\nselect id, n, at from {{ source('plain', 'things') }}`;
  await shop.execute(`insert into things (id, n, at) values ('a', 1, '2025-01-01Z'), ('a', 3, '2025-01-03Z'), ('a', 2, '2025-01-02Z'),
    ('a', 2, '2025-01-04Z'), ('b', 1, '2025-01-01Z')`);
  for (const again of [false, true]) {
    const [result] = await shop.run({ m }, { fullRefresh: again });
    expect(result?.rows).toMatchObject({ in: 5, superseded: 3 });
    expect(await shop.select('select id, n from shop.m order by id')).toEqual([
      { id: 'a', n: 3 },
      { id: 'b', n: 1 },
    ]);
  }
  await shop.execute("insert into things (id, n, at) values ('a', 3, '2025-02-01Z')");
  await expect(fullRefresh(m)).rejects.toMatchObject({
    code: 'KEY_DUPLICATE',
    message: expect.stringContaining('1 row with key and load order of another (id)'),
  });
});

const things = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...'abcdefgh'),
    n: fc.option(fc.nat(2), { nil: null }),
    month: fc.integer({ min: 1, max: 3 }),
  }),
  { selector: ({ id }) => id },
);
type Thing = { readonly id: string; readonly n: number | null; readonly month: number };

const valuesOf = (rows: readonly Thing[]): string =>
  rows.map(({ id, n, month }) => `('${id}', ${n ?? 'null'}, '2025-0${month}-01Z')`).join(', ');

/** A table has exactly these rows from now on. */
const fill = (table: string, rows: readonly Thing[]) =>
  shop.execute(
    `delete from ${table}`,
    ...(rows.length > 0 ? [`insert into ${table} (id, n, at) values ${valuesOf(rows)}`] : []),
  );

test('property: whatever stands there and whatever is to be, the relation becomes that, and equal rows stay where they are', async () => {
  await shop.run({ m: PARTITIONED });
  await fc.assert(
    fc.asyncProperty(things, things, async (standing, wanted) => {
      await fill('things', standing);
      await fullRefresh(PARTITIONED);
      const before = await places();
      await fill('things', wanted);
      await fullRefresh(PARTITIONED);
      expect(await shop.select(ROWS)).toEqual(await shop.select('select id, n, at from things order by id'));
      expect(await shop.select(PLACES)).toEqual(await shop.select('select id, at from things order by id'));
      const after = await places();
      const isEqual = ({ id, n, month }: Thing): boolean =>
        standing.some((s) => s.id === id && s.n === n && s.month === month);
      for (const thing of wanted) expect(after[thing.id] === before[thing.id]).toBe(isEqual(thing));
    }),
    { numRuns: 25 },
  );
});

import { Client } from 'pg';
import { adminUrl, createTestDatabase, type TestDatabase, testTemporalAddress } from '../../support/database';

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

describe('the servers of the test run', () => {
  const made: TestDatabase[] = [];
  const make = async (options?: { template: 'migrated' }): Promise<TestDatabase> => {
    const database = await createTestDatabase(options);
    made.push(database);
    return database;
  };
  afterAll(() => Promise.all(made.map(({ drop }) => drop())));

  test('a database from the template has the tables of strata, one without it is empty', async () => {
    const count = "select count(*)::int as tables from pg_tables where schemaname = 'ops'";
    const [migrated, empty] = await Promise.all([make({ template: 'migrated' }), make()]);
    expect((await query(migrated.url, count))[0]?.tables).toBeGreaterThan(3);
    expect(await query(empty.url, count)).toEqual([{ tables: 0 }]);
  });

  test('databases of two test files share nothing', async () => {
    const [one, other] = await Promise.all([make(), make()]);
    await query(one.url, 'create table public.mine (id int)');
    expect(await query(other.url, "select to_regclass('public.mine') as found")).toEqual([{ found: null }]);
  });

  test('a dropped database is gone, also when somebody is connected', async () => {
    const database = await make();
    const client = new Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    await database.drop();
    const found = `select 1 from pg_database where datname = '${database.name}'`;
    expect(await query(adminUrl(), found)).toEqual([]);
    await database.drop();
  });

  test('text is UTF-8 and sorts by code point, times are UTC', async () => {
    const database = await make();
    const [row] = await query(
      database.url,
      "select current_setting('server_encoding') as encoding, current_setting('timezone') as zone, upper('ä') as upper, array(select x from unnest(array['a', 'B', 'ä']) as t(x) order by x) as sorted",
    );
    expect(row).toEqual({ encoding: 'UTF8', zone: 'UTC', upper: 'Ä', sorted: ['B', 'a', 'ä'] });
  });

  test('Temporal has an address', () => {
    expect(testTemporalAddress()).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});

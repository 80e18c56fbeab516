import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import { migrate } from '../../../src/db/migrate';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { sql } from '../../../src/db/sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';

const PROCESSES = 8;

let database: TestDatabase;
let pools: DatabasePool[];

beforeEach(async () => {
  database = await createTestDatabase();
  pools = await Promise.all(
    Array.from({ length: PROCESSES }, () => createWarehousePool(database.url, { maximumPoolSize: 1 })),
  );
});

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

const first = (): DatabasePool => pools[0] as DatabasePool;

const applied = (): Promise<readonly string[]> =>
  first().anyFirst(sql.type(z.object({ name: z.string() }))`select name from ops.migration order by name`);

test('of many processes that meet an empty database at once one migrates it, the others wait and find it done', async () => {
  const results = await Promise.all(pools.map((pool) => migrate(pool)));
  const busy = results.filter((names) => names.length > 0);
  expect(busy).toEqual([await applied()]);
});

test('a migration that fails leaves the database as it was', async () => {
  await migrate(first());
  await first().query(rawSql('delete from ops.migration'));
  // Its tables are there already.
  await expect(migrate(first())).rejects.toThrow();
  expect(await applied()).toEqual([]);
  expect(
    await first().anyFirst(sql.type(z.object({ uuid: z.string() }))`
    select database_uuid as uuid from ops.warehouse
  `),
  ).toHaveLength(1);
});

test('older code refuses a database that newer code has migrated, and touches nothing', async () => {
  await migrate(first());
  await first().query(rawSql("insert into ops.migration (name, sha256) values ('999999_future.sql', 'x')"));
  const before = await applied();
  await expect(migrate(first())).rejects.toMatchObject({ code: 'DATABASE_NEWER' });
  expect(await applied()).toEqual(before);
});

test('a migration that was edited after it was applied is refused', async () => {
  await migrate(first());
  await first().query(rawSql("update ops.migration set sha256 = 'x' where name = '000001_ops.sql'"));
  await expect(migrate(first())).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' });
});

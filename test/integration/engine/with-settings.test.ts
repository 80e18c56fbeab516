import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { withSettings } from '../../../src/db/with-settings';
import { createTestDatabase, type TestDatabase } from '../../support/database';

let database: TestDatabase;
let pool: DatabasePool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = await createWarehousePool(database.url, { maximumPoolSize: 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const standing = async (connection: CommonQueryMethods): Promise<unknown> =>
  (
    await connection.query(
      rawSql("select current_setting('enable_hashjoin') as hash, current_setting('work_mem') as memory"),
    )
  ).rows[0];

test('settings hold while the work is done, and are afterwards what they were, whatever that was', async () => {
  const before = await standing(pool);
  const seen: unknown[] = [];
  await pool.transaction(async (transaction) => {
    await transaction.query(rawSql('set local enable_hashjoin = off'));
    const result = await withSettings(transaction, { enable_hashjoin: 'on', work_mem: '1MB' }, async () => {
      seen.push(await standing(transaction));
      return 7;
    });
    expect(result).toBe(7);
    seen.push(await standing(transaction));
  });
  expect(seen).toEqual([
    { hash: 'on', memory: '1MB' },
    { ...(before as object), hash: 'off' },
  ]);
  expect(await standing(pool)).toEqual(before);
});

test('work that fails takes the settings with it', async () => {
  const before = await standing(pool);
  await pool.transaction(async (transaction) => {
    await transaction
      .transaction((savepoint) =>
        withSettings(savepoint, { work_mem: '1MB' }, () => savepoint.query(rawSql('select 1 / 0'))),
      )
      .catch(() => undefined);
    expect(await standing(transaction)).toEqual(before);
  });
});

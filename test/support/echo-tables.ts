import { createWarehousePool } from '../../src/db/pool';
import { compileEcho } from './compile-echo';
import type { Tables } from './reference';
import { TestWarehouse } from './test-warehouse';

/** What Echo's relations hold in a database that others work on. */
export const echoTables = async (databaseUrl: string): Promise<Tables> => {
  const pool = await createWarehousePool(databaseUrl, { maximumPoolSize: 1 });
  try {
    return await (await TestWarehouse.open(pool, await compileEcho())).tables();
  } finally {
    await pool.end();
  }
};

import { sql } from './sql';
import { createWarehousePool } from './pool';

/** Drops a database, whoever is connected, and makes it anew, empty. Returns its URL. `adminUrl`: another one there. */
export const recreateDatabase = async (adminUrl: string, name: string): Promise<string> => {
  const pool = await createWarehousePool(adminUrl, { applicationName: 'strata demo', maximumPoolSize: 1 });
  try {
    await pool.query(sql.typeAlias('void')`drop database if exists ${sql.identifier([name])} with (force)`);
    await pool.query(sql.typeAlias('void')`create database ${sql.identifier([name])}`);
  } finally {
    await pool.end();
  }
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.toString();
};

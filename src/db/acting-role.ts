import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { createWarehousePool, type PoolOptions } from './pool';
import type { Part, Roles } from './roles';
import { sql } from './sql';

/** How a part reaches the database; the role that it acts as is in the address. */
export interface PartConnection {
  readonly pool: DatabasePool;
  readonly databaseUrl: string;
}

/** The address of the same database, where sessions act as another role from their start on. */
export const actingAs = (databaseUrl: string, role: string): string => {
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  // A backslash keeps a space or a backslash within the value of an option.
  const option = `-c role=${role.replaceAll(/[\\ ]/g, String.raw`\$&`)}`;
  url.searchParams.set('options', options === null ? option : `${options} ${option}`);
  return url.toString();
};

/**
 * Opens a pool whose sessions act as the role of a part; as the login role where the part has none. Costs no statement:
 * the role is a start-up option, which what resets a session restores. The caller ends the pool.
 */
export const openAsPart = async (
  databaseUrl: string,
  { roles, part }: { readonly roles: Roles; readonly part: Part },
  options: PoolOptions = {},
): Promise<PartConnection> => {
  const role = roles.get(part);
  const url = role === undefined ? databaseUrl : actingAs(databaseUrl, role);
  return { pool: await createWarehousePool(url, options), databaseUrl: url };
};

/**
 * Acts as the login role meanwhile: for what takes the privileges of who opened a session, or of who owns what strata
 * doesn't. When `work` fails within a transaction, its rollback ends that too.
 */
export const asLoginRole = async <T>(connection: CommonQueryMethods, work: () => Promise<T>): Promise<T> => {
  // To what the session began with.
  const end = () => connection.query(sql.typeAlias('void')`reset role`);
  await connection.query(sql.typeAlias('void')`set role none`);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
  await end();
  return result;
};

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CommonQueryMethods, DatabasePool, DatabasePoolConnection } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, sqlLiteral } from '../compiler/identifiers';
import { rawSql } from './raw-sql';
import { sql } from './sql';
import { isSqlState } from './sqlstate';

const ROLES_SCRIPT = resolve(__dirname, '..', '..', 'sql', 'roles.sql');
const LACKS_PRIVILEGE = new Set(['42501']);

const PARTS = ['loader', 'transformer', 'reader'] as const;
/** What a role is for: `loader` ingests, `transformer` runs models, `reader` looks. */
export type Part = (typeof PARTS)[number];

const roleName = (prefix: string, part: Part): string => `${prefix}_${part}`;

/** One statement that makes the roles, and gives them and `login` what they need; it may be run again at any time. */
export const rolesScript = (prefix: string, login: string): string =>
  readFileSync(ROLES_SCRIPT, 'utf8').replace(
    /:(loader|transformer|reader|login):/g,
    (_, word: Part | 'login') => sqlLiteral(word === 'login' ? login : roleName(prefix, word)),
  );

/** As whom a connection logged in. */
export const loginRole = (db: CommonQueryMethods): Promise<string> =>
  db.oneFirst(sql.type(z.object({ login: z.string() }))`select session_user::text as login`);

/**
 * Makes the roles where that is permitted, all or nothing; says whether it was. Safe for several processes and
 * databases at once.
 */
export const ensureRoles = async (pool: DatabasePool, prefix: string): Promise<boolean> => {
  const script = rolesScript(prefix, await loginRole(pool));
  try {
    await pool.transaction((transaction) => transaction.query(rawSql(script)));
    return true;
  } catch (error) {
    if (isSqlState(error, LACKS_PRIVILEGE)) return false;
    throw error;
  }
};

const UsableRow = z.object({ role_name: z.string(), part: z.enum(PARTS) });

/** The roles of this database that the login role may act as. */
export const usableRoles = async (pool: DatabasePool): Promise<ReadonlyMap<Part, string>> => {
  const rows = await pool.any(sql.type(UsableRow)`
    select a.part, a.role_name from ops.access_role as a
    inner join pg_roles as r on r.rolname = a.role_name
    where pg_has_role(session_user, r.oid, 'member')
  `);
  return new Map(rows.map((row) => [row.part, row.role_name]));
};

/** The address of the same database, where sessions act as another role from their start on. */
export const actingAs = (databaseUrl: string, role: string): string => {
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  // A backslash keeps a space or a backslash within the value of an option.
  const option = `-c role=${role.replaceAll(/[\\ ]/g, String.raw`\$&`)}`;
  url.searchParams.set('options', options === null ? option : `${options} ${option}`);
  return url.toString();
};

/** Acts as the login role meanwhile: to end sessions of one's own takes the privileges of who opened them. */
export const asLoginRole = async <T>(
  connection: DatabasePoolConnection,
  work: () => Promise<T>,
): Promise<T> => {
  await connection.query(sql.typeAlias('void')`set role none`);
  try {
    return await work();
  } finally {
    // To what the session began with.
    await connection.query(sql.typeAlias('void')`reset role`);
  }
};

/** Lets the readers, if there are any, see what is made in a schema from now on. */
export const openToReaders = async (db: CommonQueryMethods, schema: string): Promise<void> => {
  const reader = await db.maybeOneFirst(sql.type(z.object({ role_name: z.string() }))`
    select a.role_name from ops.access_role as a
    inner join pg_roles as r on r.rolname = a.role_name
    where a.part = 'reader'
  `);
  if (reader === null) return;
  const [to, within] = [quoteIdentifier(reader), quoteIdentifier(schema)];
  await db.query(rawSql(`grant usage on schema ${within} to ${to}`));
  await db.query(rawSql(`alter default privileges in schema ${within} grant select on tables to ${to}`));
};

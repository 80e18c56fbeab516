import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { rolePrefixOf } from '../../src/db/role-prefix';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Ends whoever is still connected. Idempotent. */
  readonly drop: () => Promise<void>;
}

const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: only tests of the project "stack" have servers`);
  return value;
};

/** The same server, another database. */
export const urlOfDatabase = (url: string, name: string): string => {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.toString();
};

/** Runs statements one after the other on a connection of its own. */
export const runStatements = async (url: string, statements: readonly string[]): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

/** A session of one's own, as a user of the database has it. */
export interface Session {
  query(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const openSession = async (url: string): Promise<Session> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return {
    query: async (text) => (await client.query<Record<string, unknown>>(text)).rows,
    close: () => client.end(),
  };
};

/** Address of the server's maintenance database, as superuser. */
export const adminUrl = (): string => required('STRATA_TEST_ADMIN_URL');

export const testTemporalAddress = (): string => required('STRATA_TEST_TEMPORAL_ADDRESS');

/** The roles that strata makes in a database belong to the whole server. */
export const rolesOfDatabase = (name: string): string[] =>
  ['loader', 'transformer', 'reader'].map((part) => `${rolePrefixOf(name)}_${part}`);

/**
 * A database of one's own: empty, or a copy of one with strata's tables (`migrated`). Takes some 50 ms; make one per
 * test file, and drop it in `afterAll`.
 */
export const createTestDatabase = async (
  options: { readonly template?: 'migrated' } = {},
): Promise<TestDatabase> => {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const template = options.template === 'migrated' ? required('STRATA_TEST_TEMPLATE') : 'template0';
  await runStatements(adminUrl(), [`create database ${name} template ${template}`]);
  return {
    name,
    url: urlOfDatabase(adminUrl(), name),
    drop: () =>
      runStatements(adminUrl(), [
        `drop database if exists ${name} with (force)`,
        `drop role if exists ${rolesOfDatabase(name).join(', ')}`,
      ]),
  };
};

/* eslint-disable @typescript-eslint/no-require-imports --
   slow modules load while the servers start, and only where a command needs them */
import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { DatabasePool } from 'slonik';
import type { Config, TemporalSettings } from '../config';
import { StrataError } from '../domain/errors';
import type { Part, Roles, RoleSettings } from '../db/roles';
import type { StackMember, LeaseWorker } from '../stack';
import type { OpenParts } from './open-parts';

/** Ends a turn of the event loop, so that a server's start goes on between two slow imports. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface JoinOptions {
  readonly role: string;
  readonly needs: { readonly postgres: boolean; readonly temporal: boolean };
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Joins the embedded servers that are needed; undefined where none is. */
export const openStack = async (
  config: Config,
  { role, needs, log, signal }: JoinOptions,
  parts: OpenParts,
): Promise<StackMember | undefined> => {
  if (!needs.postgres && !needs.temporal) return undefined;
  const { joinStack } = require('../stack') as typeof import('../stack');
  const stack = await joinStack({
    home: config.stateDir,
    needs,
    temporalBinary: config.temporalBinary,
    role,
    log,
    signal,
  });
  parts.keep('embedded stack', stack.release);
  return stack;
};

export interface OpenedDatabase {
  readonly databaseUrl: string;
  readonly databaseUuid: string;
  /** Acts as the role that the command asks for, where there are roles. */
  readonly pool: DatabasePool;
  readonly roles: Roles;
  /** Migrations that were applied just now. */
  readonly migrated: readonly string[];
}

export interface DatabaseWish {
  readonly databaseUrl: string;
  readonly config: RoleSettings;
  /** Shown to PostgreSQL: the command's name. */
  readonly role: string;
  /** As whom the command acts; default: as the login role. */
  readonly as?: Part | undefined;
}

/** The pool to work with: the login role's own, which else is needed no more. */
const poolFor = async (
  login: DatabasePool,
  { databaseUrl, as, role }: DatabaseWish,
  { roles, parts }: { roles: Roles; parts: OpenParts },
): Promise<DatabasePool> => {
  if (as === undefined || !roles.has(as)) return login;
  const { openAsPart } = require('../db/acting-role') as typeof import('../db/acting-role');
  const applicationName = `strata ${role}`;
  const [{ pool }] = await Promise.all([
    openAsPart(databaseUrl, { roles, part: as }, { applicationName }),
    login.end(),
  ]);
  parts.keep('connection to PostgreSQL', () => pool.end());
  return pool;
};

/** Opens a pool, brings strata's own tables up to date, and acts as the role that is asked for. */
export const openDatabase = async (wish: DatabaseWish, parts: OpenParts): Promise<OpenedDatabase> => {
  await breathe();
  const { createWarehousePool } = require('../db/pool') as typeof import('../db/pool');
  const { migrate } = require('../db/migrate') as typeof import('../db/migrate');
  const { ensureRoles, NO_ROLES } = require('../db/roles') as typeof import('../db/roles');
  const warehouse = require('../db/warehouse') as typeof import('../db/warehouse');
  const { explainDatabase } = require('../explain-database') as typeof import('../explain-database');
  const { databaseUrl, role, as, config } = wish;
  try {
    const login = await createWarehousePool(databaseUrl, { applicationName: `strata ${role}` });
    parts.keep('connection to PostgreSQL', () => login.end());
    const migrated = await migrate(login);
    const uuid = await warehouse.databaseUuid(login);
    const roles = as === undefined ? NO_ROLES : await ensureRoles(login, config);
    const pool = await poolFor(login, wish, { roles, parts });
    return { databaseUrl, databaseUuid: uuid, pool, roles, migrated };
  } catch (error) {
    throw explainDatabase(error, databaseUrl);
  }
};

export interface OpenedTemporal {
  readonly client: Client;
  readonly temporal: TemporalSettings & { readonly address: string };
}

/** Loads what talking to Temporal needs. */
export const preloadTemporal = async (withWorker: boolean): Promise<void> => {
  await breathe();
  require('@temporalio/client');
  await breathe();
  if (withWorker) require('../worker');
};

export const openTemporal = async (
  temporal: OpenedTemporal['temporal'],
  parts: OpenParts,
): Promise<OpenedTemporal> => {
  const { connectTemporal } = require('../temporal/connect') as typeof import('../temporal/connect');
  const { client, close } = await connectTemporal(temporal);
  parts.keep('connection to Temporal', close);
  return { client, temporal };
};

/** @throws STACK_FAILED when the embedded stack lacks what it was joined for */
export const fromStack = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new StrataError('STACK_FAILED', `The embedded stack gave no ${what}`);
  return value;
};

/** Waits for all, so that nothing is left half open, then throws the first failure. */
export const settleAll = async <T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> => {
  const settled = await Promise.allSettled(promises as readonly Promise<unknown>[]);
  const failure = settled.find((s) => s.status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason as Error;
  return settled.map((s) => (s as PromiseFulfilledResult<unknown>).value) as unknown as T;
};

/** What leases say of a worker: which warehouse, which database, which Temporal. */
export const leaseWorkerOf = (
  warehouse: string,
  databaseUrl: string,
  temporal: { readonly address: string; readonly namespace: string },
): LeaseWorker => {
  const { hostname, port, pathname } = new URL(databaseUrl);
  const database = `${hostname}:${port || '5432'}${pathname}`;
  return {
    warehouse,
    database: createHash('sha256').update(database).digest('hex'),
    temporal: `${temporal.address}/${temporal.namespace}`,
  };
};

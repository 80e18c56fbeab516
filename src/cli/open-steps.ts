/* eslint-disable @typescript-eslint/no-require-imports --
   slow modules load while the servers start, and only where a command needs them */
import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { DatabasePool } from 'slonik';
import type { Config, TemporalSettings } from '../config';
import { StrataError } from '../domain/errors';
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
  readonly pool: DatabasePool;
  /** Migrations that were applied just now. */
  readonly migrated: readonly string[];
}

/** Opens a pool and brings strata's own tables up to date. */
export const openDatabase = async (
  databaseUrl: string,
  role: string,
  parts: OpenParts,
): Promise<OpenedDatabase> => {
  await breathe();
  const { createWarehousePool } = require('../db/pool') as typeof import('../db/pool');
  const { migrate } = require('../db/migrate') as typeof import('../db/migrate');
  const warehouse = require('../db/warehouse') as typeof import('../db/warehouse');
  const { explainDatabase } = require('../explain-database') as typeof import('../explain-database');
  try {
    const pool = await createWarehousePool(databaseUrl, { applicationName: `strata ${role}` });
    parts.keep('connection to PostgreSQL', () => pool.end());
    const migrated = await migrate(pool);
    return { databaseUrl, databaseUuid: await warehouse.databaseUuid(pool), pool, migrated };
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

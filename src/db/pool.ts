import {
  createPool,
  type DatabasePool,
  type Interceptor,
  type QueryResultRow,
  SchemaValidationError,
} from 'slonik';
import { watchedDriver } from './watched-driver';

export interface PoolOptions {
  /** Connections at most. */
  readonly maximumPoolSize?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
}

/**
 * A transaction of a worker that is frozen, or cut off, would hold its locks for as long as its connection stays: the
 * server ends a session that does nothing within a transaction for this long. A live worker never does.
 */
const STANDSTILL_TIMEOUT_MS = 60_000;

/**
 * What a session plans with, where the address says nothing else. Pages by an index cost little more than pages in a row,
 * as they do on SSDs and in memory: at PostgreSQL's 4.0 a merge of some rows reads whole relations. Room for sorts, hashes
 * and what is staged, so that a batch's share of them stays off the disk.
 */
const PLANNING = '-c random_page_cost=1.1 -c work_mem=64MB -c temp_buffers=64MB';

/**
 * The server asks a silent client whether it is there, so that a session dies with the machine it was opened from. No
 * `tcp_user_timeout`: it would also end who reads slowly.
 */
const KEEP_ALIVE = '-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3';

/** Checks each row against the zod type of its query. */
const rowTypeInterceptor: Interceptor = {
  name: 'strata-row-type',
  transformRow: (context, query, row) => {
    const parser = context.resultParser;
    if (!parser) return row;
    const result = parser.safeParse(row);
    if (!result.success) throw new SchemaValidationError(query, row, result.error.issues);
    return result.data as QueryResultRow;
  },
};

/**
 * Adds what every session of strata has: time zone UTC, ISO dates, a name. As start-up options, so that the
 * `DISCARD ALL` between uses of a pooled connection restores them.
 */
export const sessionUrl = (databaseUrl: string, applicationName = 'strata'): string => {
  const url = new URL(databaseUrl);
  const settings = '-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c jit=off';
  const options = url.searchParams.get('options');
  const all = [PLANNING, KEEP_ALIVE, ...(options === null ? [] : [options]), settings];
  url.searchParams.set('options', all.join(' '));
  if (!url.searchParams.has('application_name')) url.searchParams.set('application_name', applicationName);
  return url.toString();
};

/** The one way to a database but for COPY (copy.ts). Timestamps come back as ISO-like text, bigints as strings. */
export const createWarehousePool = async (
  databaseUrl: string,
  options: PoolOptions = {},
): Promise<DatabasePool> => {
  const url = sessionUrl(databaseUrl, options.applicationName);
  const pool = await createPool(url, {
    captureStackTrace: false,
    connectionRetryLimit: 1,
    connectionTimeout: 10_000,
    // What still runs on a connection that is given up is not waited for for long.
    gracefulTerminationTimeout: 1_000,
    driverFactory: watchedDriver({ databaseUrl: url, lookEveryMs: options.lookEveryMs }),
    idleInTransactionSessionTimeout: STANDSTILL_TIMEOUT_MS,
    idleTimeout: 30_000,
    interceptors: [rowTypeInterceptor],
    maximumPoolSize: options.maximumPoolSize ?? 10,
    queryRetryLimit: 0,
    statementTimeout: 'DISABLE_TIMEOUT',
    transactionRetryLimit: 0,
    typeParsers: [
      { name: 'int8', parse: (value: string) => value },
      { name: 'timestamptz', parse: (value: string) => value },
      { name: 'timestamp', parse: (value: string) => value },
      { name: 'date', parse: (value: string) => value },
      { name: 'numeric', parse: (value: string) => value },
    ],
  });
  // slonik also emits what it throws; the caller gets it, and an emitter without a listener would throw on its own.
  pool.on('error', () => undefined);
  return pool;
};

import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import { CopySession } from '../../../src/db/copy';
import { withNodeSession } from '../../../src/db/node-session';
import { createWarehousePool } from '../../../src/db/pool';
import { sql } from '../../../src/db/sql';
import { loadFile } from '../../../src/ingest';
import { type CuttableProxy, openCuttableProxy } from '../../support/cuttable-proxy';
import { openSession, type Session } from '../../support/database';
import { waitFor } from '../../support/wait-for';
import { transactionLines, TRANSACTIONS_HEADER, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const ROWS = 2_000;
const LOOK_EVERY_MS = 500;

let warehouse: IngestWarehouse;
let proxy: CuttableProxy;
let pool: DatabasePool;
let gate: Session;
let url: string;

beforeAll(async () => {
  warehouse = await startIngestWarehouse();
  proxy = await openCuttableProxy(new URL(warehouse.url).host);
  const far = new URL(warehouse.url);
  far.host = proxy.address;
  url = far.toString();
  pool = await createWarehousePool(url, { lookEveryMs: LOOK_EVERY_MS });
  gate = await openSession(warehouse.url);
  await gate.query('create table public.effect (n integer)');
});
afterAll(async () => {
  await gate.close();
  await proxy.close();
  await pool.end();
  await warehouse.stop();
});

const waitsForLock = (name: string): Promise<unknown> =>
  waitFor(
    async () => {
      const rows = await warehouse.rows(`select from pg_stat_activity where datname = current_database()
        and application_name like '${name}%' and wait_event_type = 'Lock'`);
      return rows.length > 0;
    },
    { timeoutMs: 20_000, what: 'a session that waits for a lock' },
  );

/** The other end of what waits for the lock of a table disappears; then the lock is free. */
const strandAtLock = async (table: string, name: string, begin: () => Promise<unknown>): Promise<unknown> => {
  await gate.query('begin');
  await gate.query(`lock table ${table} in access exclusive mode`);
  const outcome = begin().then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  await waitsForLock(name);
  proxy.strand();
  await gate.query('rollback');
  return outcome;
};

const addEffect = (): Promise<unknown> =>
  withNodeSession(
    pool,
    { name: 'strata node half-open', lock: 'effect', signal: new AbortController().signal },
    (connection) =>
      connection.transaction((db) => db.query(sql.typeAlias('void')`insert into public.effect values (1)`)),
  );

test('a node whose server is gone without a word fails as unreachable in bounded time, and another attempt has the effect once', async () => {
  expect(await strandAtLock('public.effect', 'strata node half-open', addEffect)).toMatchObject({
    code: 'DATABASE_UNREACHABLE',
  });
  await addEffect();
  expect(await warehouse.rows('select n from public.effect')).toEqual([{ n: 1 }]);
});

test('a load whose server is gone without a word fails as unreachable in bounded time, and another attempt has every row once', async () => {
  const file = writeTemporary('f.csv', Buffer.from(`${TRANSACTIONS_HEADER}\n${transactionLines(ROWS)}`));
  const batchId = await warehouse.accept('transactions', file);
  const dataset = warehouse.datasets.transactions;
  if (!dataset) throw new Error('Echo has no dataset transactions');
  const deps = { pool, databaseUrl: url, dataset, maxFieldBytes: 1024 * 1024, lookEveryMs: LOOK_EVERY_MS };
  const signal = new AbortController().signal;
  const load = (): Promise<unknown> => loadFile(deps, { batchId, signal, onProgress: () => undefined });
  await warehouse.ingest('transactions', `${TRANSACTIONS_HEADER}\n`);
  expect(await strandAtLock('strata_bronze.transactions', 'strata load', load)).toMatchObject({
    code: 'DATABASE_UNREACHABLE',
  });
  // As Temporal does: an idle connection of the pool was stranded, too.
  await waitFor(load, { timeoutMs: 30_000, what: 'another attempt' });
  expect(await warehouse.publish(batchId)).toMatchObject({ outcome: 'published', rowsLoaded: ROWS });
  expect(
    await warehouse.rows(
      'select count(*)::integer as n, count(distinct _row_number)::integer as numbers from strata_bronze.transactions',
    ),
  ).toEqual([{ n: ROWS, numbers: ROWS }]);
});

test('a statement that takes long is no lost connection', async () => {
  const session = { name: 'strata node slow', lock: 'slow' };
  const slow = sql.type(z.object({ n: z.number() }))`select 1 as n from pg_sleep(1)`;
  const signal = new AbortController().signal;
  const eager = await createWarehousePool(url, { lookEveryMs: 50 });
  expect(await withNodeSession(eager, { ...session, signal }, (own) => own.oneFirst(slow))).toBe(1);
  await eager.end();
});

test('a COPY that waits for its own client is no lost connection', async () => {
  const session = await CopySession.open(url, { name: 'strata load idle', lookEveryMs: 50 });
  try {
    session.startCopy({ schema: 'public', table: 'effect', columns: ['n'] });
    await session.write(Buffer.from('2\n'));
    await gate.query('select pg_sleep(1)');
    await session.write(Buffer.from('3\n'));
    expect(await session.finishCopy()).toBe(2);
  } finally {
    await session.close();
  }
});

const one = sql.type(z.object({ n: z.number() }))`select 1 as n`;

test('a short statement over a connection that was idle and is half-open fails in bounded time; the next has a new one', async () => {
  const small = await createWarehousePool(url, { maximumPoolSize: 1, lookEveryMs: LOOK_EVERY_MS });
  expect(await small.oneFirst(one)).toBe(1);
  proxy.strand();
  await expect(small.oneFirst(one)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' });
  expect(await small.oneFirst(one)).toBe(1);
  await small.end();
});

test('a pool with half-open connections ends in bounded time', async () => {
  const small = await createWarehousePool(url, { lookEveryMs: LOOK_EVERY_MS });
  await small.oneFirst(one);
  proxy.strand();
  await small.end();
});

test('a connection that can not be reset is ended; its work counts, and its place in the pool is free', async () => {
  const small = await createWarehousePool(url, { maximumPoolSize: 1 });
  const begin = sql.typeAlias('void')`begin`;
  // DISCARD ALL can't run within a transaction.
  expect(await small.connect((own) => own.query(begin).then(() => own.oneFirst(one)))).toBe(1);
  expect(await small.oneFirst(one)).toBe(1);
  await small.end();
});

test('where the server does not say what sessions do, there is no verdict', async () => {
  const silent = new URL(url);
  silent.searchParams.set('options', '-c track_activities=off');
  const small = await createWarehousePool(silent.toString(), { maximumPoolSize: 1, lookEveryMs: 50 });
  await small.oneFirst(one);
  proxy.strand();
  const answer = small.oneFirst(one);
  await gate.query('select pg_sleep(1)');
  proxy.heal();
  expect(await answer).toBe(1);
  await small.end();
});

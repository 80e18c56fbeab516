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
  pool = await createWarehousePool(url);
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

const addEffect = (lookEveryMs = LOOK_EVERY_MS): Promise<unknown> =>
  withNodeSession(
    pool,
    { name: 'strata node half-open', lock: 'effect', signal: new AbortController().signal, lookEveryMs },
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
  await load();
  expect(await warehouse.publish(batchId)).toMatchObject({ outcome: 'published', rowsLoaded: ROWS });
  expect(
    await warehouse.rows(
      'select count(*)::integer as n, count(distinct _row_number)::integer as numbers from strata_bronze.transactions',
    ),
  ).toEqual([{ n: ROWS, numbers: ROWS }]);
});

test('a statement that takes long is no lost connection', async () => {
  const session = { name: 'strata node slow', lock: 'slow', lookEveryMs: 50 };
  const slow = sql.type(z.object({ n: z.number() }))`select 1 as n from pg_sleep(1)`;
  const signal = new AbortController().signal;
  expect(await withNodeSession(pool, { ...session, signal }, (own) => own.oneFirst(slow))).toBe(1);
});

test('a COPY that waits for its own client is no lost connection', async () => {
  const session = await CopySession.open(url, { name: 'strata load idle', pool, lookEveryMs: 50 });
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

import { randomUUID } from 'node:crypto';
import { checkFreshness } from '../../../src/db/check-freshness';
import { requestReplay } from '../../../src/db/dead-letter-replays';
import { newestFreshness } from '../../../src/db/freshness-results';
import { failBatch, loadReplay, publishReplay } from '../../../src/ingest';
import type { FreshnessInput, SourceFreshness } from '../../../src/wire/freshness';
import { compileEcho } from '../../support/compile-echo';
import { TRANSACTIONS_HEADER, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const HOUR_MS = 3_600_000;

let warehouse: IngestWarehouse;
let files = 0;

beforeEach(async () => {
  warehouse = await startIngestWarehouse();
});
afterEach(() => warehouse.stop());

const hoursAgo = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();

/** One row, of what happened so many hours ago. */
const transactions = (hours: number, more = ''): string => {
  files += 1;
  return `${TRANSACTIONS_HEADER}\nT${files},C1,${hoursAgo(hours)},1.00,subscription,completed\n${more}`;
};

const check = async (
  request: Pick<FreshnessInput, 'asOf' | 'select'> & { checkId?: string } = {},
): Promise<SourceFreshness & { ageHours: number; dataHours: number }> => {
  const { sources } = await checkFreshness(warehouse.pool, {
    checkId: randomUUID(),
    manifest: await compileEcho(),
    select: ['source:raw.transactions'],
    ...request,
  });
  const source = sources[0] as SourceFreshness;
  const hours = (seconds: number | null): number => Math.floor((seconds ?? Number.NaN) / 3_600);
  return { ...source, ageHours: hours(source.ageSeconds), dataHours: hours(source.eventAgeSeconds) };
};

/** As if everything so far had been done so many hours before. */
const shiftLedger = async (hours: number): Promise<void> => {
  await warehouse.rows(
    `update ops.load set loaded_at = loaded_at - interval '${hours} hours' returning load_id`,
  );
  await warehouse.rows(
    `update ops.batch set accepted_at = accepted_at - interval '${hours} hours',
      finished_at = finished_at - interval '${hours} hours' returning batch_id`,
  );
};

test('a source that sends is fresh, and with no further file it is silent: a warning, then an error', async () => {
  await warehouse.ingest('transactions', transactions(1));
  expect(await check()).toMatchObject({ status: 'pass', diagnosis: 'fresh', ageHours: 0, batchId: '1' });
  const asOf = (hours: number) => ({ asOf: hoursAgo(-hours) });
  expect(await check(asOf(13))).toMatchObject({ status: 'warn', diagnosis: 'source_silent' });
  expect(await check(asOf(25))).toMatchObject({ status: 'error', diagnosis: 'source_silent' });
  // What the ledger knew before the file came.
  expect(await check({ asOf: hoursAgo(1) })).toMatchObject({ diagnosis: 'never_loaded', loadedAt: null });
});

test('a file whose batch fails or hangs is no silence of the source', async () => {
  await warehouse.ingest('transactions', transactions(31));
  await shiftLedger(30);
  const file = writeTemporary('f.csv', transactions(2));
  const batchId = await warehouse.accept('transactions', file);
  expect(await check()).toMatchObject({ status: 'error', diagnosis: 'loading', batchId });
  expect(await check({ asOf: hoursAgo(-2) })).toMatchObject({ diagnosis: 'pipeline_failed', batchId });
  await failBatch(warehouse, { batchId, errorCode: 'DATASET_INCOMPATIBLE', error: 'a column is another' });
  const failed = await check();
  expect(failed).toMatchObject({ status: 'error', diagnosis: 'pipeline_failed', batchId });
  expect(failed.message).toMatch(/failed: DATASET_INCOMPATIBLE: a column is another/);
  await warehouse.ingest('transactions', transactions(2));
  expect(await check()).toMatchObject({ status: 'pass', diagnosis: 'fresh' });
});

test("a file that is refused is the sender's", async () => {
  const bad = Array.from({ length: 100 }, () => 'bad').join('\n');
  expect(await warehouse.ingest('transactions', transactions(1, bad))).toMatchObject({ outcome: 'rejected' });
  expect(await check()).toMatchObject({ status: 'error', diagnosis: 'file_refused', batchId: '1' });
});

test('data that comes and is old is told from data that does not come', async () => {
  await warehouse.ingest('transactions', transactions(100));
  expect(await check()).toMatchObject({ status: 'warn', diagnosis: 'data_old', ageHours: 0 });
  // A time far in the future is a mistake; a file of an old month takes nothing back.
  await warehouse.ingest('transactions', transactions(-100));
  expect(await check()).toMatchObject({ diagnosis: 'data_old', dataHours: 100 });
  await warehouse.ingest('transactions', transactions(2));
  await warehouse.ingest('transactions', transactions(1_000));
  expect(await check()).toMatchObject({ status: 'pass', diagnosis: 'fresh', dataHours: 2 });
});

test('neither a replay of dead letters nor a known content makes a source look fresh', async () => {
  const content = transactions(31, 'T0,C1,2024-01-05,29.00,gift,completed\n');
  await warehouse.ingest('transactions', content);
  await shiftLedger(30);
  await warehouse.rows(
    `update ops.dead_letter set corrected = '{"transaction_type": "one_time"}' returning id`,
  );
  const who = { actor: 'test', reason: undefined };
  const { replay_id: replayId } = await warehouse.pool.transaction((db) =>
    requestReplay(db, { dataset: 'transactions', filter: {}, ...who }),
  );
  const dataset = warehouse.datasets['transactions'];
  if (dataset === undefined) throw new Error('no dataset');
  const deps = { pool: warehouse.pool, databaseUrl: warehouse.url, dataset, maxFieldBytes: 1_000 };
  const { signal } = new AbortController();
  await loadReplay(deps, { replayId, signal, onProgress: () => undefined });
  expect(await publishReplay(warehouse, { replayId, workflowId: 'w' })).toMatchObject({ replayed: 1 });
  expect(await check()).toMatchObject({ status: 'error', diagnosis: 'replayed_only', ageHours: 30 });

  await warehouse.ingest('transactions', content, { force: true });
  const again = await check();
  expect(again).toMatchObject({ status: 'error', diagnosis: 'replayed_only', ageHours: 30 });
  expect(again.message).toContain('a known content loaded again');
});

test('the latest time of a file is known though it was loaded by chunks', async () => {
  const lines = Array.from({ length: 300 }, (_, i) => `T${i},C1,${hoursAgo(300 - i)},1.00,refund,completed`);
  const file = writeTemporary('f.csv', `${[TRANSACTIONS_HEADER, ...lines.reverse()].join('\n')}\n`);
  const batchId = await warehouse.accept('transactions', file);
  await warehouse.load(batchId, { chunkBytes: 1 });
  await warehouse.publish(batchId);
  expect(await check()).toMatchObject({ diagnosis: 'fresh', dataHours: 1 });
});

test('a check is recorded once, whatever it finds when it is asked again', async () => {
  await warehouse.ingest('transactions', transactions(1));
  const first = await check({ checkId: 'c' });
  await shiftLedger(30);
  expect(await check({ checkId: 'c' })).toEqual(first);
  expect(await warehouse.rows('select status from ops.freshness_result')).toEqual([{ status: 'pass' }]);
  await check();
  expect(await newestFreshness(warehouse.pool)).toEqual([
    expect.objectContaining({ source: 'raw.transactions', status: 'error' }),
  ]);
});

import { gzipSync } from 'node:zlib';
import { killAndResume } from '../../support/kill-and-resume';
import { TRANSACTIONS_HEADER, transactionLines, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeEach(async () => {
  warehouse = await startIngestWarehouse();
});
afterEach(() => warehouse.stop());

const ROWS = 120_000;
const content = `${TRANSACTIONS_HEADER}\n${transactionLines(ROWS)}`;
const CHUNKS = 40;
const chunkBytes = Math.ceil(content.length / CHUNKS);
/** A chunk ends with the block that fills it. */
const blockBytes = 64 * 1024;

test.each([
  ['plain', (text: string) => Buffer.from(text)],
  ['compressed', (text: string) => gzipSync(text)],
])('a load of a %s file that is killed near its end sends at most one chunk again', async (_, pack) => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', pack(content)));
  const order = { databaseUrl: warehouse.url, batchId, chunkBytes };
  const load = await killAndResume(order, { killedAtBytes: content.length * 0.85, timeoutMs: 50_000 });
  // Killed within the file, and late in it, or the test would show nothing.
  expect(load.safeBytes).toBeGreaterThan(content.length * 0.7);
  expect(load.safeBytes).toBeLessThan(content.length);
  expect(load).toMatchObject({ rows: ROWS, contentBytes: content.length });
  expect(load.bytesAgain).toBeLessThanOrEqual(chunkBytes + blockBytes);
  expect(await warehouse.publish(batchId)).toMatchObject({ outcome: 'published', rowsLoaded: ROWS });
  const [rows] = await warehouse.rows(
    'select count(*), count(distinct _row_number) as numbers from bronze.transactions',
  );
  expect(rows).toEqual({ count: String(ROWS), numbers: String(ROWS) });
});

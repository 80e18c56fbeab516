import { gzipSync } from 'node:zlib';
import { killAndResume } from '../../support/kill-and-resume';
import { type S3Server, startS3Server } from '../../support/s3-server';
import { TRANSACTIONS_HEADER, transactionLine } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const ROWS = 60_000;
const text = `${TRANSACTIONS_HEADER}\n${Array.from({ length: ROWS }, (_, i) => `${transactionLine(i)}\n`).join('')}`;

let s3: S3Server;
let warehouse: IngestWarehouse;
const before = { ...process.env };

beforeAll(async () => {
  s3 = await startS3Server('data');
  Object.assign(process.env, s3.env);
  warehouse = await startIngestWarehouse();
});
afterAll(async () => {
  await warehouse.stop();
  process.env = before;
  await s3.stop();
});

test('a load from S3 whose process is killed goes on after its last chunk, and the content is known as a file', async () => {
  await s3.put('in/t.csv', text);
  const batchId = await warehouse.accept('transactions', 's3://data/in/t.csv');
  const order = { databaseUrl: warehouse.url, batchId, chunkBytes: 256 * 1024 };
  const resumed = await killAndResume(order, { killedAtBytes: 1024 * 1024, timeoutMs: 30_000 });
  expect(resumed.safeBytes).toBeGreaterThan(0);
  expect(resumed.contentBytes).toBe(Buffer.byteLength(text));
  expect(resumed.bytesAgain).toBeLessThan(2 * order.chunkBytes);
  expect(await warehouse.publish(batchId)).toMatchObject({ outcome: 'published', rowsLoaded: ROWS });
  expect(await warehouse.ingest('transactions', text)).toMatchObject({
    outcome: 'duplicate',
    duplicateOf: batchId,
  });
});

test('a compressed object that is replaced between two attempts is loaded anew, from the one that is there', async () => {
  const file = 's3://data/in/t2.csv.gz';
  await s3.put('in/t2.csv.gz', gzipSync(text.replaceAll(',C1,', ',C2,')));
  const batchId = await warehouse.accept('transactions', file);
  const controller = new AbortController();
  const loading = warehouse.load(batchId, {
    signal: controller.signal,
    chunkBytes: 64 * 1024,
    onProgress: () => controller.abort(new Error('the worker is going away')),
  });
  await expect(loading).rejects.toThrow('going away');
  const other = `${TRANSACTIONS_HEADER}\n${transactionLine(1)}\n`;
  await s3.put('in/t2.csv.gz', gzipSync(other));
  await warehouse.load(batchId);
  expect(await warehouse.publish(batchId)).toMatchObject({ outcome: 'published', rowsLoaded: 1 });
});

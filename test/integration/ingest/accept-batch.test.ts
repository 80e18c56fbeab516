import { dirname } from 'node:path';
import { acceptBatch, createFileSources } from '../../../src/ingest';
import { TRANSACTIONS_HEADER, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse();
});
afterAll(() => warehouse.stop());

const request = (workflowRunId: string, file = writeTemporary('f.csv', TRANSACTIONS_HEADER)) => ({
  ...{ dataset: 'transactions', file, workflowId: 'w', workflowRunId },
});

test('ids follow the order of acceptance, and a workflow run gets one', async () => {
  const { pool } = warehouse;
  const first = await acceptBatch({ pool }, request('1'));
  const second = await acceptBatch({ pool }, request('2'));
  expect(BigInt(second.batchId)).toBeGreaterThan(BigInt(first.batchId));
  expect(await acceptBatch({ pool }, request('1', '/gone'))).toEqual(first);
  const together = await Promise.all(Array.from({ length: 5 }, () => acceptBatch({ pool }, request('3'))));
  expect(new Set(together.map(({ batchId }) => batchId)).size).toBe(1);
});

test('what can not be loaded is not accepted', async () => {
  const { pool } = warehouse;
  const file = writeTemporary('f.csv', TRANSACTIONS_HEADER);
  const count = async (): Promise<number> => (await warehouse.rows('select from ops.batch')).length;
  const before = await count();
  await expect(acceptBatch({ pool }, request('4', '/nowhere.csv'))).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
  await expect(
    acceptBatch({ pool, files: createFileSources({ fileRoots: ['/srv/inbox'] }) }, request('4', file)),
  ).rejects.toMatchObject({
    code: 'FILE_NOT_ALLOWED',
  });
  await expect(
    acceptBatch({ pool, datasets: [{ name: 'others' }] }, request('4', file)),
  ).rejects.toMatchObject({ code: 'DATASET_UNKNOWN' });
  expect(await count()).toBe(before);
  await acceptBatch(
    { pool, files: createFileSources({ fileRoots: [dirname(file)] }), datasets: [{ name: 'transactions' }] },
    request('4', file),
  );
});

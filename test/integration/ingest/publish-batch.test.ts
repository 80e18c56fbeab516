import { failBatch } from '../../../src/ingest';
import {
  transactionLine,
  transactionLines,
  TRANSACTIONS_HEADER,
  transactionsFile,
  writeTemporary,
} from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeEach(async () => {
  warehouse = await startIngestWarehouse();
});
afterEach(() => warehouse.stop());

const loaded = async (content: string, force?: boolean): Promise<string> => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content), force);
  await warehouse.load(batchId);
  return batchId;
};

test('the same content under another name loads once, and the second attempt says so', async () => {
  const text = transactionsFile(transactionLine(1), 'bad');
  await warehouse.ingest('transactions', text, { name: 'a.csv' });
  expect(await warehouse.ingest('transactions', text, { name: 'b.csv' })).toMatchObject({
    ...{ outcome: 'duplicate', duplicateOf: '1', rowsLoaded: 0, rowsRejected: 0 },
  });
  expect(await warehouse.rows('select from strata_bronze.transactions')).toHaveLength(1);
  expect(await warehouse.rows('select from ops.dead_letter_queue')).toHaveLength(1);
});

test('of two loads of one content at once, one is published and the other leaves nothing', async () => {
  const text = transactionsFile(transactionLine(1), 'bad');
  const batches = [await loaded(text), await loaded(text)];
  const results = await Promise.all(batches.map((batchId) => warehouse.publish(batchId)));
  expect(results.map((result) => result.outcome).sort()).toEqual(['duplicate', 'published']);
  expect(await warehouse.rows('select from strata_bronze.transactions')).toHaveLength(1);
  expect(await warehouse.rows('select from ops.dead_letter')).toHaveLength(1);
});

test('a forced batch loads known content again', async () => {
  const text = transactionsFile(transactionLine(1));
  await warehouse.ingest('transactions', text);
  expect(await warehouse.ingest('transactions', text, { force: true })).toMatchObject({
    outcome: 'published',
    rowsLoaded: 1,
  });
  expect(await warehouse.rows('select from bronze.transactions')).toHaveLength(2);
  expect(await warehouse.ingest('transactions', text)).toMatchObject({
    outcome: 'duplicate',
    duplicateOf: '2',
  });
});

test('content is known per dataset, and only what was published is known', async () => {
  const text = transactionsFile(transactionLine(1));
  const failed = await loaded(text);
  await failBatch(warehouse, { batchId: failed, errorCode: 'X', error: 'x' });
  expect(await warehouse.ingest('transactions', text)).toMatchObject({ outcome: 'published' });
  const spend = 'spend_date,channel,amount\n';
  expect(await warehouse.ingest('marketing_spend', spend)).toMatchObject({ outcome: 'published' });
});

const withBad = (good: number, bad: number): string =>
  `${TRANSACTIONS_HEADER}\n${transactionLines(good)}${'bad\n'.repeat(bad)}`;

test.each([
  [99, 99, 'published'],
  [100, 50, 'published'],
  [100, 51, 'rejected'],
  [101, 51, 'rejected'],
  [1000, 1000, 'rejected'],
])('of %d rows, %d bad: %s', async (rows, bad, outcome) => {
  const result = await warehouse.ingest('transactions', withBad(rows - bad, bad));
  expect(result).toMatchObject({ outcome, rowsRead: rows, rowsRejected: bad });
  const isPublished = outcome === 'published';
  expect(result.rowsLoaded).toBe(isPublished ? rows - bad : 0);
  expect(await warehouse.rows('select from strata_bronze.transactions')).toHaveLength(result.rowsLoaded);
  expect(await warehouse.rows('select from ops.dead_letter_queue')).toHaveLength(bad);
});

test('a rejected file says why, and may be loaded again when mended', async () => {
  const rejected = await warehouse.ingest('transactions', withBad(40, 60));
  expect(rejected).toMatchObject({
    outcome: 'rejected',
    reason: '60 of 100 rows are bad (60 %), more than the 50 % allowed',
  });
  expect(await warehouse.publish('1')).toEqual(rejected);
  expect(await warehouse.ingest('transactions', withBad(40, 60))).toMatchObject({ outcome: 'rejected' });
  expect(await warehouse.ingest('transactions', withBad(100, 0))).toMatchObject({
    outcome: 'published',
    rowsLoaded: 100,
  });
});

test('publishing twice changes nothing, and answers the same', async () => {
  const batchId = await loaded(transactionsFile(transactionLine(1)));
  const first = await warehouse.publish(batchId);
  const before = await warehouse.rows('select * from ops.load');
  expect(await warehouse.publish(batchId)).toEqual(first);
  await failBatch(warehouse, { batchId, errorCode: 'X', error: 'too late' });
  expect(await warehouse.rows('select * from ops.load')).toEqual(before);
  expect(await warehouse.rows('select from bronze.transactions')).toHaveLength(1);
});

test('positions are gapless and moments strictly increase in the order of publication, whatever the clock says', async () => {
  const batches = [];
  for (let nth = 0; nth < 6; nth += 1) batches.push(await loaded(transactionsFile(transactionLine(nth))));
  await warehouse.publish(batches[5] as string);
  await warehouse.rows("update ops.load set loaded_at = '2999-01-01' where position is not null");
  await Promise.all(batches.slice(0, 5).map((batchId) => warehouse.publish(batchId)));
  const loads = await warehouse.rows(
    'select position, loaded_at > lag(loaded_at) over (order by position) as later from ops.load order by position',
  );
  expect(loads).toEqual(
    [1, 2, 3, 4, 5, 6].map((position) => ({
      position: String(position),
      later: position === 1 ? null : true,
    })),
  );
});

test('a batch that is not loaded can not be published', async () => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', TRANSACTIONS_HEADER));
  await expect(warehouse.publish(batchId)).rejects.toThrow('accepted, not loaded');
});

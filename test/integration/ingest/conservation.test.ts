import { ChunkWriter } from '../../../src/ingest/chunk-writer';
import { beginLoad } from '../../../src/ingest/begin-load';
import { openFile } from '../../../src/ingest/open-file';
import type { CopySession } from '../../../src/db/copy';
import { transactionLine, transactionsFile, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse();
});
afterAll(() => warehouse.stop());

let file = 0;

/** A file of three good rows and two bad ones, loaded and not yet published. */
const loaded = async (): Promise<string> => {
  file += 1;
  const rows = [1, 2, 3].map((n) => transactionLine(`${file}-${n}`));
  const content = transactionsFile(...rows, 'bad', 'worse');
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content));
  await warehouse.load(batchId);
  return batchId;
};

const visible = (batchId: string): Promise<unknown[]> =>
  warehouse.rows(`select from bronze.transactions where _batch_id = ${batchId}`);

test('of a file that is published, what was read is what was loaded and rejected, by every count', async () => {
  const batchId = await loaded();
  expect(await warehouse.publish(batchId)).toMatchObject({ rowsRead: 5, rowsLoaded: 3, rowsRejected: 2 });
  expect(await visible(batchId)).toHaveLength(3);
});

const OF_LOAD = (batchId: string): string =>
  `load_id = (select load_id from ops.load where batch_id = ${batchId})`;

test.each<[string, (batchId: string) => string, RegExp]>([
  [
    'a row that bronze lost',
    (id) => `delete from strata_bronze.transactions where _batch_id = ${id} and _row_number = 2`,
    /rows loaded: 3, in bronze: 2/,
  ],
  [
    'a row that bronze has twice',
    (id) =>
      `insert into strata_bronze.transactions select * from strata_bronze.transactions where _batch_id = ${id} and _row_number = 2`,
    /rows loaded: 3, in bronze: 4/,
  ],
  [
    'a dead letter that got lost',
    (id) => `delete from ops.dead_letter where batch_id = ${id} and row_number = 5`,
    /rows rejected: 2, in the dead letter queue: 1/,
  ],
  [
    'a chunk that counted otherwise',
    (id) => `update ops.load_chunk set rows_loaded = 4 where ${OF_LOAD(id)}`,
    /rows loaded: 3, in its chunks: 4/,
  ],
  [
    'a reader that saw more rows',
    (id) => `update ops.batch set rows_read = 6 where batch_id = ${id}`,
    /rows read: 6, loaded or rejected: 5; rows read: 6, up to the end of the last chunk: 5/,
  ],
  [
    'a load that says otherwise',
    (id) => `update ops.load set row_count = 2 where batch_id = ${id}`,
    /rows loaded: 3, in its load: 2/,
  ],
])('%s stops the publication, and nothing becomes visible', async (_, spoil, message) => {
  const batchId = await loaded();
  await warehouse.rows(spoil(batchId));
  const publishing = warehouse.publish(batchId);
  await expect(publishing).rejects.toMatchObject({ code: 'ROWS_NOT_CONSERVED' });
  await expect(publishing).rejects.toThrow(message);
  expect(await visible(batchId)).toEqual([]);
  expect(await warehouse.rows(`select position from ops.load where batch_id = ${batchId}`)).toEqual([
    { position: null },
  ]);
});

/** Makes a session lose the last row of what is written. */
const makeForgetful = (session: CopySession): void => {
  const write = session.write.bind(session);
  session.write = (rows) => write(rows.subarray(0, rows.lastIndexOf('\n', rows.length - 2) + 1));
};

test('a chunk of which COPY took fewer rows than were handed over is not committed', async () => {
  const path = writeTemporary('f.csv', transactionsFile(transactionLine(1)));
  const batchId = await warehouse.accept('transactions', path);
  const opened = await openFile(path);
  const loadId = (await beginLoad(warehouse.pool, { batchId }, opened)) ?? '';
  await opened.close();
  const session = await ChunkWriter.openSession(warehouse.url, loadId);
  makeForgetful(session);
  const dataset = warehouse.datasets['transactions'];
  if (!dataset) throw new Error('no dataset');
  const ids = { batchId, loadId, fileIdentity: opened.identity, source: 'transactions/f.csv', file: path };
  const writer = new ChunkWriter(session, dataset, ids, undefined);
  for (let row = 1; row <= 2; row += 1)
    writer.goodRow(`T${row}\tC1\t2024-01-10T00:00:00Z\t1.00\tsubscription\tcompleted\t${row}\t\\N`);
  const commit = writer.commit({ endOffset: 1, endLine: 3, endRow: 2 });
  await expect(commit).rejects.toThrow(/rows written: 2, taken by COPY: 1/);
  await session.close();
  expect(await warehouse.rows(`select from ops.load_chunk where load_id = ${loadId}`)).toEqual([]);
});

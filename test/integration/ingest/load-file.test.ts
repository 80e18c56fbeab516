import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { column, defineDataset, z } from '../../../src';
import { failBatch, loadFile } from '../../../src/ingest';
import {
  TRANSACTIONS_HEADER,
  transactionLine,
  transactionLines,
  transactionsFile,
  writeTemporary,
} from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const odd = defineDataset({
  name: 'Odd',
  key: ['the "id"'],
  schema: z.object({
    'the "id"': column.id(),
    'a%b;--': column.text({ nullable: true }),
    Größe: column.integer({ nullValues: ['NA'] }),
    ratio: column.float({ nullable: true }),
    flag: column.boolean({ nullable: true }),
    local: column.timestamp({ timeZone: 'America/New_York', nullable: true }),
    wall: column.localTimestamp({ nullable: true }),
  }),
});

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse([odd]);
});
afterAll(() => warehouse.stop());
afterEach(async () => {
  await warehouse.rows(
    'truncate ops.dead_letter, ops.load_chunk, ops.load, ops.batch restart identity cascade',
  );
  for (const { name } of await warehouse.rows(
    "select relname::text as name from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'strata_bronze' and relkind = 'r'",
  ))
    await warehouse.rows(`truncate strata_bronze."${String(name)}"`);
});

test('good rows are typed, and carry where they come from', async () => {
  const result = await warehouse.ingest(
    'transactions',
    `note,${TRANSACTIONS_HEADER},\nhi,T1,C1,2024-02-01T01:00:00+02:00,007.50,refund,failed,\n"a""\\b\nc",T2,"  ",0001-01-01,-9999999999999999.99,refund,pending,x\n`,
  );
  expect(result).toEqual({
    ...{
      batchId: '1',
      dataset: 'transactions',
      file: expect.stringMatching(/f\.csv$/),
      outcome: 'published',
    },
    ...{ rowsRead: 2, rowsLoaded: 2, rowsRejected: 0, extraColumns: ['note', ''] },
  });
  const rows = await warehouse.rows('select * from bronze.transactions order by _row_number');
  expect(rows).toEqual([
    {
      ...{
        transaction_id: 'T1',
        customer_id: 'C1',
        transaction_date: '2024-01-31 23:00:00+00',
        amount: '7.50',
      },
      ...{ transaction_type: 'refund', status: 'failed', _loaded_at: expect.any(String) },
      ...{ _batch_id: '1', _row_number: '1', _load_id: '1', _extra: { note: 'hi', '': '' } },
    },
    {
      ...{ transaction_id: 'T2', customer_id: '  ', transaction_date: '0001-01-01 00:00:00+00' },
      ...{ amount: '-9999999999999999.99', transaction_type: 'refund', status: 'pending' },
      ...{ _loaded_at: rows[0]?.['_loaded_at'], _batch_id: '1', _row_number: '2', _load_id: '1' },
      _extra: { note: 'a"\\b\nc', '': 'x' },
    },
  ]);
});

// sample-voice-of-customer-datalake#410: row 1 of each file overwrote row 1 of the others.
test('rows of one number in two files are two rows', async () => {
  for (const nth of [1, 2]) await warehouse.ingest('transactions', transactionsFile(transactionLine(nth)));
  expect(
    await warehouse.rows(
      'select transaction_id, _batch_id, _row_number from bronze.transactions order by _batch_id',
    ),
  ).toEqual([
    { transaction_id: 'T1', _batch_id: '1', _row_number: '1' },
    { transaction_id: 'T2', _batch_id: '2', _row_number: '1' },
  ]);
});

test('text survives byte for byte', async () => {
  const texts = [
    '\\N',
    '\\',
    '\\.',
    'a\tb',
    'x\r\ny',
    '"q"',
    "'); drop table x; --",
    'é\u0301 😀 \u202e',
    '\u007f\u0001',
    '=1+1',
  ];
  const quoted = texts.map((text) => `"${text.replaceAll('"', '""')}"`);
  const lines = quoted.map((text, index) => `C${index},${text},,,,,2024-01-01,2024-01-01`);
  const header = 'customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at';
  await warehouse.ingest('customers', `${header}\n${lines.join('\n')}`);
  const rows = await warehouse.rows('select name, email from bronze.customers order by _row_number');
  expect(rows).toEqual(texts.map((name) => ({ name, email: null })));
});

test('names with quotes and the other types of columns work', async () => {
  const header = '"the ""id""",a%b;--,Größe,ratio,flag,local,wall';
  const lines = [
    '1,"x",NA,1e-3,yes,2013-07-01 05:15,2013-07-01 05:15',
    '2,,-5,,,2013-01-01T05:15,',
    '3,,1,1,no,2013-01-01T05:15Z,',
  ];
  await warehouse.ingest('Odd', `${header}\n${lines.join('\n')}\n`);
  const rows = await warehouse.rows(
    'select "the ""id""" as id, "a%b;--" as t, "Größe" as n, ratio, flag, local, wall from bronze."Odd" order by _row_number',
  );
  expect(rows).toEqual([
    {
      id: '1',
      t: 'x',
      n: null,
      ratio: 0.001,
      flag: true,
      local: '2013-07-01 09:15:00+00',
      wall: '2013-07-01 05:15:00',
    },
    { id: '2', t: null, n: '-5', ratio: null, flag: null, local: '2013-01-01 10:15:00+00', wall: null },
    { id: '3', t: null, n: '1', ratio: 1, flag: false, local: '2013-01-01 05:15:00+00', wall: null },
  ]);
});

// dlt#1980, floe#264.
test('a bad row goes to the dead letter queue with all that is known of it', async () => {
  const bytes = Buffer.from(
    `${transactionLine(1)}\nT2,,,x,,"a\nb"\r\n${transactionLine('\xe9')}\nT\0,b\n`,
    'latin1',
  );
  const result = await warehouse.ingest(
    'transactions',
    Buffer.concat([Buffer.from(`${TRANSACTIONS_HEADER}\n`), bytes]),
    {
      name: 'odd "name".csv',
    },
  );
  expect(result).toMatchObject({ outcome: 'published', rowsRead: 4, rowsLoaded: 1, rowsRejected: 3 });
  const letters = await warehouse.rows(
    "select *, encode(record_bytes, 'escape') as record_bytes from ops.dead_letter_queue order by line_number",
  );
  expect(letters).toEqual([
    {
      ...{
        id: '1',
        dataset: 'transactions',
        source: 'transactions/odd "name".csv',
        line_number: '3',
        row_number: '2',
      },
      ...{ file: result.file, batch_id: '1', state: 'open', attempts: 1, created_at: expect.any(String) },
      ...{ record: 'T2,,,x,,"a\nb"', record_bytes: null, error_code: 'SEVERAL' },
      error:
        'customer_id is required; transaction_date is required; amount "x" is not a decimal number; ' +
        'transaction_type is required; status "a\\nb" is not one of completed, pending, failed',
    },
    expect.objectContaining({
      ...{ line_number: '5', record: transactionLine('\ufffd'), record_bytes: transactionLine('\\351') },
      ...{ error: 'transaction_id is not valid UTF-8', error_code: 'INVALID_UTF8' },
    }),
    expect.objectContaining({
      line_number: '6',
      record: 'T\ufffd,b',
      record_bytes: 'T\\000,b',
      error_code: 'WRONG_FIELD_COUNT',
    }),
  ]);
});

test('many bad rows among good ones are all queued', async () => {
  const lines = Array.from({ length: 25_000 }, (_, index) =>
    index % 2 === 0 ? transactionLine(index) : `bad,${index}`,
  );
  const result = await warehouse.ingest('transactions', transactionsFile(...lines));
  expect(result).toMatchObject({
    rowsRead: 25_000,
    rowsLoaded: 12_500,
    rowsRejected: 12_500,
    outcome: 'published',
  });
  const [letters] = await warehouse.rows(
    'select count(*), min(line_number), max(line_number), count(distinct row_number) as rows from ops.dead_letter_queue',
  );
  expect(letters).toEqual({ count: '12500', min: '3', max: '25001', rows: '12500' });
});

test('gzip loads as the plain file does, and is known by its content', async () => {
  const text = transactionsFile(transactionLine(1), transactionLine(2));
  expect(await warehouse.ingest('transactions', gzipSync(text), { name: 'a.csv.gz' })).toMatchObject({
    rowsLoaded: 2,
  });
  expect(await warehouse.ingest('transactions', text)).toMatchObject({
    outcome: 'duplicate',
    duplicateOf: '1',
  });
  const [batch] = await warehouse.rows(
    'select content_bytes, sha256, file_bytes < content_bytes as packed from ops.batch where batch_id = 1',
  );
  expect(batch).toEqual({
    ...{ content_bytes: String(text.length), packed: true },
    sha256: createHash('sha256').update(text).digest('hex'),
  });
});

test('a header only is a batch of no rows, and published', async () => {
  expect(await warehouse.ingest('transactions', TRANSACTIONS_HEADER)).toMatchObject({
    ...{ outcome: 'published', rowsRead: 0, rowsLoaded: 0 },
  });
});

test.each([
  ['FILE_EMPTY', ''],
  ['HEADER_MISSING_COLUMN', `x\n${transactionLine(1)}\n`],
  ['HEADER_DUPLICATE_COLUMN', `${TRANSACTIONS_HEADER},status\n`],
  [
    'FILE_CORRUPT',
    gzipSync(transactionsFile(...Array.from({ length: 9000 }, (_, n) => transactionLine(n * 7919)))).subarray(
      0,
      -9,
    ),
  ],
])('%s fails the whole file: nothing of it is loaded', async (code, content) => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content));
  await expect(warehouse.load(batchId, { chunkBytes: 10_000 })).rejects.toMatchObject({ code });
  await failBatch(warehouse, { batchId, errorCode: code, error: 'it is so' });
  await failBatch(warehouse, { batchId, errorCode: code, error: 'it is so' });
  expect(await warehouse.rows('select state, error, error_code, rows_loaded from ops.batch')).toEqual([
    { state: 'failed', error: 'it is so', error_code: code, rows_loaded: '0' },
  ]);
  expect(await warehouse.rows('select from ops.load_chunk')).toEqual([]);
  const [bronze] = await warehouse.rows("select to_regclass('strata_bronze.transactions') is null as none");
  if (bronze?.['none'] === false)
    expect(await warehouse.rows('select from strata_bronze.transactions')).toEqual([]);
});

test('rows are unseen until their batch is published', async () => {
  const batchId = await warehouse.accept(
    'transactions',
    writeTemporary('f.csv', transactionsFile(transactionLine(1), 'bad')),
  );
  await warehouse.load(batchId);
  expect(await warehouse.rows('select from bronze.transactions')).toEqual([]);
  expect(await warehouse.rows('select from ops.dead_letter_queue')).toEqual([]);
  await warehouse.publish(batchId);
  expect(await warehouse.rows('select from bronze.transactions')).toHaveLength(1);
  expect(await warehouse.rows('select from ops.dead_letter_queue')).toHaveLength(1);
});

test('progress is told with what is known of the size', async () => {
  const told: unknown[] = [];
  const file = writeTemporary('f.csv', `${TRANSACTIONS_HEADER}\n${transactionLines(100)}`);
  const batchId = await warehouse.accept('transactions', file);
  const result = await warehouse.load(batchId, { onProgress: (progress) => told.push(progress) });
  const all = { contentBytes: result.contentBytes, totalBytes: result.contentBytes };
  expect(told.at(-1)).toEqual({ ...all, rowsRead: 100, rowsLoaded: 100, rowsRejected: 0 });
});

test('a batch that the ledger does not know is an error', async () => {
  const dataset = odd;
  for (const batchId of ['999', 'nonsense'])
    await expect(
      loadFile(
        { pool: warehouse.pool, databaseUrl: warehouse.url, dataset, maxFieldBytes: 1 },
        { batchId, signal: new AbortController().signal, onProgress: () => undefined },
      ),
    ).rejects.toMatchObject({ code: 'BATCH_UNKNOWN' });
});

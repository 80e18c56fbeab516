import { appendFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { TRANSACTIONS_HEADER, transactionLine, writeTemporary } from '../../unit/ingest/csv-files';
import { waitFor } from '../../support/wait-for';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeEach(async () => {
  warehouse = await startIngestWarehouse();
});
afterEach(() => warehouse.stop());

const ROWS = 30_000;
const chunkBytes = 64 * 1024;

/** Every tenth row is bad, and every seventh spans two lines. */
const line = (index: number, mark: string): string => {
  if (index % 10 === 0) return `bad,${index}`;
  return index % 7 === 0 ? `T${index},"${mark}\n",2024-01-10,1,refund,failed` : transactionLine(index);
};

const content = (mark: string): string =>
  `${TRANSACTIONS_HEADER}\r\n${Array.from({ length: ROWS }, (_, index) => `${line(index, mark)}\n`).join('')}`;

const chunks = async (): Promise<number> => (await warehouse.rows('select from ops.load_chunk')).length;

const someChunks = (): Promise<unknown> =>
  waitFor(async () => (await chunks()) >= 2, { what: 'some chunks', intervalMs: 5 });

/** What is visible must be exactly the file: every row once, with its number and line. */
const expectWholeFile = async (batchId: string, mark: string): Promise<void> => {
  const published = await warehouse.publish(batchId);
  expect(published).toMatchObject({
    outcome: 'published',
    rowsRead: ROWS,
    rowsLoaded: ROWS * 0.9,
    rowsRejected: ROWS * 0.1,
  });
  const [good] = await warehouse.rows(`
    select count(*), count(distinct _row_number) as numbers, sum(_row_number),
      count(*) filter (where customer_id = E'${mark}\\n') as marked,
      bool_and(transaction_id = 'T' || (_row_number - 1)) as numbered
    from bronze.transactions`);
  const numbers = Array.from({ length: ROWS }, (_, index) => index).filter((index) => index % 10 !== 0);
  expect(good).toEqual({
    ...{ count: String(ROWS * 0.9), numbers: String(ROWS * 0.9), numbered: true },
    sum: String(numbers.reduce((sum, index) => sum + index + 1, 0)),
    marked: String(numbers.filter((index) => index % 7 === 0).length),
  });
  const letters = await warehouse.rows(
    'select line_number, record from ops.dead_letter_queue order by row_number',
  );
  let physical = 2;
  const expected: unknown[] = [];
  for (let index = 0; index < ROWS; index += 1) {
    if (index % 10 === 0) expected.push({ line_number: String(physical), record: `bad,${index}` });
    physical += index % 10 !== 0 && index % 7 === 0 ? 2 : 1;
  }
  expect(letters).toEqual(expected);
};

test.each([
  ['plain', (text: string) => Buffer.from(text)],
  ['compressed', (text: string) => gzipSync(text)],
])('an aborted load of a %s file goes on where it stopped', async (_, pack) => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', pack(content('a'))));
  const reason = new Error('the worker is going away');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const before = await chunks();
    const abort = new AbortController();
    const loading = warehouse.load(batchId, { signal: abort.signal, chunkBytes: 4000 });
    await waitFor(async () => (await chunks()) > before + 1, { what: 'another chunk', intervalMs: 5 });
    abort.abort(reason);
    await expect(loading).rejects.toBe(reason);
    expect(await chunks()).toBeGreaterThan(before);
  }
  const safe = await chunks();
  await warehouse.load(batchId, { chunkBytes });
  expect(await chunks()).toBeGreaterThan(safe);
  await expectWholeFile(batchId, 'a');
});

// PostHog#29207, dlt#4023.
test('a lost connection costs the chunk at hand and nothing else', async () => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content('a')));
  const loading = warehouse.load(batchId, { chunkBytes: 4000 });
  const failed = expect(loading).rejects.toThrow();
  await someChunks();
  await warehouse.rows(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'strata load%' and datname = current_database()",
  );
  await failed;
  await warehouse.load(batchId, { chunkBytes });
  await expectWholeFile(batchId, 'a');
});

test('a load that is done already answers with what it came to', async () => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content('a')));
  const first = await warehouse.load(batchId, { chunkBytes });
  expect(await warehouse.load(batchId)).toEqual(first);
  await expectWholeFile(batchId, 'a');
  expect(await warehouse.load(batchId)).toEqual(first);
});

test('of several attempts at once only one writes, and the rows are those of one', async () => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content('a')));
  for (;;) {
    const attempts = Array.from({ length: 3 }, () => warehouse.load(batchId, { chunkBytes: 16_000 }));
    const outcomes = await Promise.allSettled(attempts);
    if (outcomes.some((outcome) => outcome.status === 'fulfilled')) break;
  }
  await expectWholeFile(batchId, 'a');
});

test('a new attempt ends the session of one that hangs within a chunk', async () => {
  const batchId = await warehouse.accept('transactions', writeTemporary('f.csv', content('a')));
  const abort = new AbortController();
  const first = warehouse.load(batchId, { signal: abort.signal, chunkBytes: 4000 });
  const failed = expect(first).rejects.toThrow();
  await someChunks();
  await warehouse.load(batchId, { chunkBytes });
  await failed;
  await expectWholeFile(batchId, 'a');
});

test('a file that changes while it is read fails, and nothing of it stays', async () => {
  const file = writeTemporary('f.csv', content('a'));
  const batchId = await warehouse.accept('transactions', file);
  const loading = warehouse.load(batchId, { chunkBytes: 4000 });
  const failed = expect(loading).rejects.toMatchObject({ code: 'FILE_CHANGED' });
  await someChunks();
  appendFileSync(file, `${transactionLine('more')}\n`);
  await failed;
  expect(await chunks()).toBe(0);
  expect(await warehouse.rows('select from strata_bronze.transactions')).toEqual([]);
  expect(await warehouse.rows('select from ops.dead_letter')).toEqual([]);
  writeFileSync(file, content('b'));
  await warehouse.load(batchId, { chunkBytes });
  await expectWholeFile(batchId, 'b');
});

test('a file that changed between attempts is loaded as it now is', async () => {
  const file = writeTemporary('f.csv', content('a'));
  const batchId = await warehouse.accept('transactions', file);
  const abort = new AbortController();
  const loading = warehouse.load(batchId, { signal: abort.signal, chunkBytes: 4000 });
  await someChunks();
  abort.abort(new Error('stop'));
  await expect(loading).rejects.toThrow('stop');
  writeFileSync(file, content('b'));
  await warehouse.load(batchId, { chunkBytes });
  await expectWholeFile(batchId, 'b');
});

test('a quote left open in a later chunk does not load earlier chunks twice', async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => `${transactionLine(index)}\n`);
  rows[15_000] = 'T15000,"C1,2024-01-10,1,refund,failed\n';
  const file = writeTemporary('f.csv', `${TRANSACTIONS_HEADER}\n${rows.join('')}`);
  const batchId = await warehouse.accept('transactions', file);
  await warehouse.load(batchId, { chunkBytes: 100_000, maxFieldBytes: 8 * 1024 });
  expect(await warehouse.publish(batchId)).toMatchObject({
    rowsRead: 20_000,
    rowsLoaded: 19_999,
    rowsRejected: 1,
  });
  const [good] = await warehouse.rows('select count(distinct transaction_id) from bronze.transactions');
  expect(good).toEqual({ count: '19999' });
  expect(await warehouse.rows('select line_number, error_code from ops.dead_letter_queue')).toEqual([
    { line_number: '15002', error_code: 'INVALID_QUOTING' },
  ]);
});

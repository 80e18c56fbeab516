import { correctLetter, discardLetters, reopenLetters } from '../../../src/db/dead-letter-actions';
import { getLetter, letterActions, type LetterFilter } from '../../../src/db/dead-letter-queue';
import { requestReplay } from '../../../src/db/dead-letter-replays';
import { ensureBronze } from '../../../src/db/ensure-bronze';
import type { Correction } from '../../../src/domain/correction';
import { column, defineDataset, z } from '../../../src';
import { failReplay, loadReplay, publishReplay } from '../../../src/ingest';
import type { ReplayResult } from '../../../src/wire/replay';
import {
  transactionLine,
  transactionLines,
  TRANSACTIONS_HEADER,
  transactionsFile,
} from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const notes = defineDataset({
  name: 'notes',
  key: ['note_id'],
  schema: z.object({
    note_id: column.id(),
    amount: column.numeric(18, 2),
    note: column.text({ nullable: true }),
  }),
});
const WHO = { actor: 'ann', reason: 'mended' };

let warehouse: IngestWarehouse;
beforeAll(async () => {
  warehouse = await startIngestWarehouse([notes]);
  for (const dataset of [notes, warehouse.datasets.transactions ?? notes])
    await ensureBronze(warehouse.pool, [dataset]);
});
beforeEach(async () => {
  warehouse.datasets.notes = notes;
  await warehouse.rows(
    'truncate ops.batch, strata_bronze.notes, strata_bronze.transactions restart identity cascade',
  );
});
afterAll(() => warehouse.stop());

const request = async (dataset: string, filter: LetterFilter = {}): Promise<string> =>
  (await warehouse.pool.transaction((db) => requestReplay(db, { dataset, filter, ...WHO }))).replay_id;

const load = (dataset: string, replayId: string): Promise<void> =>
  loadReplay(
    {
      pool: warehouse.pool,
      databaseUrl: warehouse.url,
      dataset: warehouse.datasets[dataset] ?? notes,
      maxFieldBytes: 1024 * 1024,
    },
    { replayId, signal: new AbortController().signal, onProgress: () => undefined },
  );
const publish = (replayId: string): Promise<ReplayResult> =>
  publishReplay(warehouse, { replayId, workflowId: 'w' });
const replay = async (dataset: string, filter: LetterFilter = {}): Promise<ReplayResult> => {
  const replayId = await request(dataset, filter);
  await load(dataset, replayId);
  return publish(replayId);
};
const correct = async (id: string, correction: Correction): Promise<void> =>
  correctLetter(warehouse.pool, await getLetter(warehouse.pool, id), correction, WHO);

const bronze = (dataset: string): Promise<Record<string, unknown>[]> =>
  warehouse.rows(`select * from bronze.${dataset} order by _batch_id, _row_number`);
const letters = (): Promise<Record<string, unknown>[]> =>
  warehouse.rows('select id, state, attempts, error_code, error from ops.dead_letter_queue order by id');

// floe#264.
// Hole 8 of the usual stack.
test('hole 8, a dead letter is a grave: here a corrected row takes its original place in the load order, with a new moment, and its letter is replayed', async () => {
  await warehouse.ingest(
    'transactions',
    transactionsFile(transactionLine(1), 'T2,C1,2024-01-10,10,gift,completed', transactionLine(3)),
  );
  await warehouse.ingest('transactions', transactionsFile(transactionLine(4)));
  await correct('1', { transaction_type: 'one_time' });
  expect(await replay('transactions')).toEqual({
    ...{ replayId: '1', dataset: 'transactions', letters: 1 },
    ...{ replayed: 1, failed: 0, skipped: 0, leftOut: 0 },
  });
  const rows = await bronze('transactions');
  expect(rows.map((row) => [row.transaction_id, row._batch_id, row._row_number])).toEqual([
    ['T1', '1', '1'],
    ['T2', '1', '2'],
    ['T3', '1', '3'],
    ['T4', '2', '1'],
  ]);
  expect(rows[1]).toMatchObject({ transaction_type: 'one_time', amount: '10.00' });
  const [latest] = await warehouse.rows('select max(_loaded_at)::text as at from bronze.transactions');
  expect(String(rows[1]?._loaded_at)).toBe(latest?.at);
  expect(await letters()).toMatchObject([{ state: 'replayed', attempts: 2, error_code: 'INVALID_VALUE' }]);
  expect(await warehouse.rows('select record from ops.dead_letter')).toEqual([
    { record: 'T2,C1,2024-01-10,10,gift,completed' },
  ]);
});

// dbt-core#9234, dbt-core#11398.
test('what fails again is open with its new errors and one attempt more; every action leaves a trace', async () => {
  await warehouse.ingest('transactions', transactionsFile('T1,C1,2024-01-10,10,gift,completed'));
  await correct('1', { transaction_type: 'refund', amount: 'ten' });
  expect(await replay('transactions')).toMatchObject({ replayed: 0, failed: 1 });
  expect(await letters()).toEqual([
    {
      ...{ id: '1', state: 'open', attempts: 2, error_code: 'INVALID_VALUE' },
      error: expect.stringMatching(/^amount "ten" is not/) as string,
    },
  ]);
  expect(await bronze('transactions')).toEqual([]);
  expect(await warehouse.rows(`select from ops.load where kind = 'replay'`)).toEqual([]);
  await discardLetters(warehouse.pool, { ids: ['1'] }, { actor: 'bob', reason: 'a test order' });
  await reopenLetters(warehouse.pool, { ids: ['1'] }, { actor: 'bob' });
  expect(await letterActions(warehouse.pool, '1')).toMatchObject([
    { action: 'edited', actor: 'ann', before: null, after: { transaction_type: 'refund', amount: 'ten' } },
    { action: 'failed', actor: 'ann', replayId: '1', workflowId: 'w', errorCode: 'INVALID_VALUE' },
    { action: 'discarded', actor: 'bob', reason: 'a test order' },
    { action: 'reopened', actor: 'bob' },
  ]);
});

test('a contract that was changed lets rows pass as they are', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note,colour\nN1,x,hello,red\n');
  const wider = defineDataset({
    ...{ name: 'notes', key: ['note_id'] },
    schema: z.object({ note_id: column.id(), note: column.text() }),
  });
  warehouse.datasets.notes = wider;
  expect(await replay('notes')).toMatchObject({ replayed: 1 });
  expect(await bronze('notes')).toMatchObject([
    { note_id: 'N1', note: 'hello', amount: null, _extra: { amount: 'x', colour: 'red' } },
  ]);
});

test('the columns are found by the header of the file, in whatever order it has them', async () => {
  await warehouse.ingest('notes', 'note,colour,amount,note_id\nhello,red,x,N1\n');
  await correct('1', { amount: '-5.00' });
  await replay('notes');
  expect(await bronze('notes')).toMatchObject([
    { note_id: 'N1', note: 'hello', amount: '-5.00', _extra: { colour: 'red' } },
  ]);
});

test('a letter without a kept header passes only when all columns are given', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,hello\n');
  await warehouse.rows('update ops.batch set header = null returning 1');
  await correct('1', { amount: '1' });
  expect(await replay('notes')).toMatchObject({ failed: 1 });
  expect((await letters())[0]?.error).toMatch(/has to name all columns/);
  await correct('1', { note_id: 'N1', amount: '1', note: '' });
  expect(await replay('notes')).toMatchObject({ replayed: 1 });
});

test.each([
  ['too few fields', Buffer.from('N1,x'), 'WRONG_FIELD_COUNT'],
  ['too many fields', Buffer.from('N1,1,a,b'), 'WRONG_FIELD_COUNT'],
  ['bad quotes', Buffer.from('N1,1,a"b"'), 'INVALID_QUOTING'],
  ['bytes that are no text', Buffer.from('N1,1,\xff', 'latin1'), 'INVALID_UTF8'],
  ['a NUL byte', Buffer.from('N1,1,\0'), 'NUL_BYTE'],
])('a record with %s fails again as it is, and passes when mended', async (_name, record, code) => {
  await warehouse.ingest(
    'notes',
    Buffer.concat([Buffer.from('note_id,amount,note\n'), record, Buffer.from('\n')]),
  );
  const [before] = await letters();
  expect(before?.error_code).toBe(code);
  expect(await replay('notes')).toMatchObject({ failed: 1 });
  expect(await letters()).toEqual([{ ...before, attempts: 2 }]);
  await correct('1', { note_id: 'N1', amount: '2', note: 'ü\n"' });
  expect(await replay('notes')).toMatchObject({ replayed: 1 });
  expect(await bronze('notes')).toMatchObject([{ note_id: 'N1', amount: '2.00', note: 'ü\n"' }]);
});

test('twice is once: steps that are repeated, and letters that are replayed already', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,hello\nN2,y,\n');
  await correct('1', { amount: '1' });
  const replayId = await request('notes');
  await load('notes', replayId);
  await load('notes', replayId);
  const first = await publish(replayId);
  await load('notes', replayId);
  expect(await publish(replayId)).toEqual(first);
  await failReplay(warehouse, { replayId, errorCode: 'X', error: 'too late' });
  expect(await bronze('notes')).toHaveLength(1);
  expect(await replay('notes', { ids: ['1'] })).toMatchObject({ letters: 0, replayed: 0 });
  expect(await letters()).toMatchObject([
    { state: 'replayed', attempts: 2 },
    { state: 'open', attempts: 2 },
  ]);
});

test('of two replays of one letter at once only one publishes its row', async () => {
  const bad = Array.from({ length: 30 }, (_, n) => `N${n},x,\n`).join('');
  await warehouse.ingest('notes', `note_id,amount,note\n${bad}`);
  for (let id = 1; id <= 30; id += 1) await correct(String(id), { amount: '1' });
  const replays = [await request('notes'), await request('notes')];
  await Promise.all(replays.map((replayId) => load('notes', replayId)));
  const results = await Promise.all(replays.map(publish));
  expect(results.map((r) => [r.replayed, r.skipped]).sort()).toEqual([
    [0, 30],
    [30, 0],
  ]);
  expect(await bronze('notes')).toHaveLength(30);
  expect(await warehouse.rows('select from strata_bronze.notes')).toHaveLength(30);
});

test('a letter that is corrected or discarded during a replay is left to whoever did it', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,\nN2,x,\nN3,x,\nN4,x,\n');
  for (const id of ['1', '2', '3', '4']) await correct(id, { amount: '1' });
  const replayId = await request('notes');
  await correct('1', { amount: '7' });
  await load('notes', replayId);
  await correct('2', { amount: '7' });
  await discardLetters(warehouse.pool, { ids: ['3'] }, WHO);
  expect(await publish(replayId)).toMatchObject({ letters: 4, replayed: 1, failed: 0, skipped: 3 });
  expect(await bronze('notes')).toMatchObject([{ note_id: 'N4' }]);
  expect((await letters()).map((l) => l.state)).toEqual(['open', 'open', 'discarded', 'replayed']);
});

test('a replay that fails leaves nothing, and its letters open', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,\n');
  await correct('1', { amount: '1' });
  const replayId = await request('notes');
  await load('notes', replayId);
  await failReplay(warehouse, { replayId, errorCode: 'CANCELLED', error: 'cancelled' });
  expect(await warehouse.rows('select from strata_bronze.notes')).toEqual([]);
  expect(await warehouse.rows(`select from ops.load where kind = 'replay'`)).toEqual([]);
  expect(await letters()).toMatchObject([{ state: 'open', attempts: 1 }]);
  expect(await replay('notes')).toMatchObject({ replayed: 1 });
});

test('letters of a file that was rejected whole are left out, and can be discarded', async () => {
  await warehouse.ingest(
    'transactions',
    `${TRANSACTIONS_HEADER}\n${transactionLines(40)}${'bad\n'.repeat(60)}`,
  );
  expect(await replay('transactions')).toMatchObject({ letters: 0, leftOut: 60 });
  expect(await discardLetters(warehouse.pool, { batchId: '1' }, WHO)).toBe(60);
  expect(await replay('transactions')).toMatchObject({ letters: 0, leftOut: 0 });
});

test('a correction that was made on what is no longer so is refused', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,\n');
  const shown = await getLetter(warehouse.pool, '1');
  await correct('1', { amount: '1' });
  await expect(correctLetter(warehouse.pool, shown, { amount: '2' }, WHO)).rejects.toMatchObject({
    code: 'DEAD_LETTER_NOT_OPEN',
  });
  await expect(getLetter(warehouse.pool, '99')).rejects.toMatchObject({ code: 'DEAD_LETTER_UNKNOWN' });
});

test('very many letters are replayed a page at a time', async () => {
  await warehouse.ingest('notes', 'note_id,amount,note\nN1,x,\n');
  await warehouse.rows(
    `insert into ops.dead_letter (load_id, batch_id, dataset, source, file, line_number, row_number, record, error, error_code, corrected)
    select load_id, batch_id, dataset, source, file, n + 2, n + 1, 'N' || n || ',x,', error, error_code,
      case when n % 2 = 0 then '{"amount":"1"}'::jsonb end
    from ops.dead_letter, generate_series(2, 3001) as n returning 1`,
  );
  expect(await replay('notes')).toMatchObject({ letters: 3001, replayed: 1500, failed: 1501 });
  expect(await warehouse.rows('select from bronze.notes')).toHaveLength(1500);
  expect(await warehouse.rows('select from ops.dead_letter_replay_item')).toEqual([]);
});

import { column, defineDataset, z } from '../../../src';
import { failBatch } from '../../../src/ingest';
import type { IngestResult } from '../../../src/wire/ingest';
import { writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

/** A thing has a key of two parts here, and columns with names that strata uses too. */
const members = defineDataset({
  name: 'members',
  key: ['club', 'in_file', 'at'],
  schema: z.object({
    club: column.id(),
    in_file: column.id(),
    plan: column.text(),
    at: column.timestamp(),
    'is "gone"': column.boolean({ nullable: true }),
  }),
  deletes: { entity: ['club', 'in_file'], effectiveAt: 'at', tombstone: 'is "gone"', maxShare: 0.5 },
});

/** The same by day, with a key of one part. */
const rooms = defineDataset({
  name: 'rooms',
  key: ['day', 'room'],
  schema: z.object({ room: column.id(), day: column.date(), closed: column.boolean() }),
  deletes: { entity: ['room'], effectiveAt: 'day', tombstone: 'closed', maxShare: 1 },
});

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse([members, rooms]);
});
afterAll(() => warehouse.stop());
beforeEach(async () => {
  await warehouse.rows('truncate ops.batch restart identity cascade');
  await warehouse.rows('drop table if exists strata_bronze.members, strata_bronze.rooms cascade');
});

const day = (n: number): string => `2024-01-${String(n).padStart(2, '0')}`;

/** `ann pro 5`: from 5 January on Ann has plan pro; `ann - 5`: she is gone. */
const file = (...rows: string[]): string =>
  ['club,in_file,plan,at,"is ""gone""",note', ...rows.map(line)].map((text) => `${text}\n`).join('');

const line = (row: string): string => {
  const [name, plan, at] = row.split(' ');
  return plan === '-'
    ? `c,${name},none,${day(Number(at))},yes,`
    : `c,${name},${plan},${day(Number(at))},,n${name}`;
};

const load = (text: string): Promise<IngestResult> => warehouse.ingest('members', text);

const complete = (text: string, asOf: number, more: { maxDeletes?: number; force?: boolean } = {}) =>
  warehouse.ingest('members', text, { completeAsOf: day(asOf), ...more });

/** What batches have written beyond their files: `batch: name plan day`, plan `-` a tombstone. */
const written = async (): Promise<string[]> =>
  (
    await warehouse.rows(`select concat_ws(' ', m._batch_id || ':', m.in_file,
      case when m."is ""gone""" then '-' else m.plan end, extract(day from m.at), m._extra ->> 'note') as row
    from bronze.members as m
    inner join ops.batch as b on b.batch_id = m._batch_id and m._row_number > b.rows_read
    order by m._batch_id, m._row_number`)
  ).map(({ row }) => String(row));

test('entities that are alive and not in the file get a tombstone at the declared time, the others nothing', async () => {
  await load(
    file('ann free 1', 'bob free 1', 'cem free 1', 'cem - 2', 'dan free 20', 'eve free 1', 'eve pro 3'),
  );
  const result = await complete(file('ann pro 4'), 10, { maxDeletes: 1 });
  expect(result).toMatchObject({
    outcome: 'published',
    rowsRead: 1,
    rowsLoaded: 1,
    rowsClosed: 2,
    rowsReopened: 0,
  });
  expect(await written()).toEqual(['2: bob - 10', '2: eve - 10']);
  expect(
    await warehouse.rows(
      "select club, plan, _extra, _row_number from bronze.members where at = '2024-01-10' order by 4",
    ),
  ).toEqual([
    { club: 'c', plan: null, _extra: null, _row_number: '2' },
    { club: 'c', plan: null, _extra: null, _row_number: '3' },
  ]);
  expect(await warehouse.rows('select row_count from ops.load where load_id = 2')).toEqual([
    { row_count: '3' },
  ]);
  expect(
    await warehouse.rows(
      'select complete_as_of, rows_closed, rows_reopened from ops.batch order by batch_id',
    ),
  ).toEqual([
    { complete_as_of: null, rows_closed: null, rows_reopened: null },
    { complete_as_of: '2024-01-10 00:00:00+00', rows_closed: '2', rows_reopened: '0' },
  ]);
});

// dlt#1683.
test('who is back gets a copy of the row in the file, effective at the declared time', async () => {
  await load(file('ann free 1', 'bob free 1', 'bob - 8', 'cem free 1', 'cem - 8', 'dan free 1'));
  const result = await complete(
    file('ann free 1', 'bob old 2', 'bob pro 3', 'bob top 15', 'cem new 9', 'dan free 1'),
    10,
  );
  expect(result).toMatchObject({ rowsClosed: 0, rowsReopened: 1 });
  // Cem's own row says since when he is back; Bob's last one as of the time is that of day 3.
  expect(await written()).toEqual(['2: bob pro 10 nbob']);
});

// dbt-adapters#654.
test('who is gone by the file itself is neither closed once more nor back', async () => {
  await load(file('ann free 1', 'bob free 1'));
  const result = await complete(file('ann free 1', 'ann - 5', 'bob free 1'), 10);
  expect(result).toMatchObject({ rowsClosed: 0, rowsReopened: 0 });
  expect(await written()).toEqual([]);
});

test('what is effective after the declared time stays as it is', async () => {
  await load(file('ann free 1', 'bob free 12', 'cem free 1', 'cem - 12', 'dan free 1', 'dan pro 15'));
  await complete(file('ann free 1', 'cem free 1'), 10);
  expect(await written()).toEqual(['2: dan - 10']);
});

test('the same extract at a later time is another load, at the same time it is known', async () => {
  await load(file('ann free 1', 'bob free 1'));
  const extract = file('ann free 1');
  expect(await complete(extract, 10)).toMatchObject({ outcome: 'published', rowsClosed: 1 });
  expect(await complete(extract, 10)).toMatchObject({ outcome: 'duplicate', duplicateOf: '2' });
  await load(file('cem free 11'));
  expect(await complete(extract, 12)).toMatchObject({ outcome: 'published', rowsClosed: 1 });
  expect(await load(extract)).toMatchObject({ outcome: 'published' });
  expect(await written()).toEqual(['2: bob - 10', '5: cem - 12']);
});

test('a batch that is published late is closed by the next complete load, and not before', async () => {
  const late = await warehouse.accept('members', writeTemporary('f.csv', file('bob free 1', 'ann old 1')));
  await warehouse.load(late);
  await load(file('ann free 1'));
  await complete(file('ann free 1'), 10);
  expect(await written()).toEqual([]);
  await warehouse.publish(late);
  await complete(file('ann free 1'), 11);
  expect(await written()).toEqual(['4: bob - 11']);
});

test('of two rows with one time the one loaded last says who is alive, also when it is published first', async () => {
  const early = await warehouse.accept('members', writeTemporary('f.csv', file('ann free 1', 'bob - 1')));
  await warehouse.load(early);
  await load(file('ann - 1', 'bob free 1', 'cem free 1'));
  await warehouse.publish(early);
  await complete(file('cem free 1'), 10);
  expect(await written()).toEqual(['3: bob - 10']);
});

test('a complete load that is accepted earlier says nothing at a time at which a later one has spoken', async () => {
  await load(file('ann free 1', 'bob free 1', 'cem free 1'));
  const early = await warehouse.accept(
    'members',
    writeTemporary('f.csv', file('ann free 1', 'cem free 10')),
    false,
    {
      completeAsOf: day(10),
    },
  );
  await warehouse.load(early);
  await load(file('bob free 10', 'cem - 10'));
  expect(await warehouse.publish(early)).toMatchObject({ rowsClosed: 0, rowsReopened: 0 });
});

test('too many deletes reject the load whole, and say how many; the limit can be raised for one load', async () => {
  const all = ['ann free 1', 'bob free 1', 'cem free 1', 'dan free 1'];
  await load(file(...all));
  expect(await complete(file('ann free 1'), 10)).toMatchObject({
    outcome: 'rejected',
    rowsLoaded: 0,
    reason: 'it would close 3 of the 4 that are alive (75 %), more than the 50 % allowed',
  });
  expect(await complete(file('ann free 1', 'bob free 1'), 10, { maxDeletes: 0.25 })).toMatchObject({
    reason: 'it would close 2 of the 4 that are alive (50 %), more than the 25 % allowed',
  });
  expect(
    await warehouse.rows('select state, error_code, rows_closed from ops.batch where batch_id > 1'),
  ).toEqual([2, 3].map(() => ({ state: 'rejected', error_code: 'DELETES_EXCEED_LIMIT', rows_closed: null })));
  expect(await warehouse.rows('select from strata_bronze.members')).toHaveLength(4);
  expect(await complete(file('ann free 1', 'bob free 1'), 10)).toMatchObject({ rowsClosed: 2 });
  expect(await complete(file(), 11, { maxDeletes: 1 })).toMatchObject({
    outcome: 'published',
    rowsClosed: 2,
  });
});

test('a file with a bad row is not complete: it is rejected, and its dead letters say why', async () => {
  await load(file('ann free 1', 'bob free 1'));
  expect(await complete(`${file('ann free 1')}bad\n`, 10)).toMatchObject({
    outcome: 'rejected',
    reason: 'a file with 1 bad row is not complete, and what they are about must not be closed',
  });
  expect(await warehouse.rows('select error_code from ops.batch where batch_id = 2')).toEqual([
    { error_code: 'LOAD_INCOMPLETE' },
  ]);
  expect(await warehouse.rows('select from ops.dead_letter_queue')).toHaveLength(1);
  expect(await warehouse.rows('select from strata_bronze.members')).toHaveLength(2);
});

test('publishing twice, or twice at once, writes the rows once', async () => {
  await load(file('ann free 1', 'bob free 1'));
  const text = writeTemporary('f.csv', file('ann free 1'));
  const batchId = await warehouse.accept('members', text, false, { completeAsOf: day(10) });
  await warehouse.load(batchId);
  const [first, second] = await Promise.all([warehouse.publish(batchId), warehouse.publish(batchId)]);
  expect(second).toEqual(first);
  expect(await warehouse.publish(batchId)).toEqual(first);
  await failBatch(warehouse, { batchId, errorCode: 'X', error: 'too late' });
  expect(await written()).toEqual(['2: bob - 10']);
});

test('a publication that is cut off leaves nothing of its rows, and the next try writes them', async () => {
  await load(file('ann free 1', 'bob free 1'));
  const text = writeTemporary('f.csv', file('ann free 1'));
  const batchId = await warehouse.accept('members', text, false, { completeAsOf: day(10) });
  await warehouse.load(batchId);
  await warehouse.rows(
    "alter table ops.batch add constraint cut check (state <> 'published' or rows_closed is null)",
  );
  await expect(warehouse.publish(batchId)).rejects.toThrow();
  expect(await warehouse.rows('select from strata_bronze.members')).toHaveLength(3);
  await warehouse.rows('alter table ops.batch drop constraint cut');
  await warehouse.publish(batchId);
  expect(await written()).toEqual(['2: bob - 10']);
});

test('with days as effective times the declared time counts by its day in UTC', async () => {
  await warehouse.ingest(
    'rooms',
    'room,day,closed\nA,2024-01-01,no\nB,2024-01-01,no\nC,2024-01-10,no\nD,2024-01-11,no\n',
  );
  await warehouse.ingest('rooms', 'room,day,closed\nA,2024-01-01,no\n', {
    completeAsOf: '2024-01-11T00:30+02:00',
  });
  expect(await warehouse.rows('select room, day from bronze.rooms where closed order by room')).toEqual([
    { room: 'B', day: '2024-01-10' },
    { room: 'C', day: '2024-01-10' },
  ]);
});

test('a dataset without deletes has no complete loads, and a time has to be one', async () => {
  const path = writeTemporary('f.csv', '');
  await expect(warehouse.accept('customers', path, false, { completeAsOf: day(1) })).rejects.toMatchObject({
    code: 'DELETES_UNDECLARED',
    message: 'Dataset customers has no deletes, so no load of it can be declared complete',
  });
  await expect(warehouse.accept('members', path, false, { completeAsOf: 'yesterday' })).rejects.toMatchObject(
    {
      code: 'INPUT_INVALID',
    },
  );
  expect(await warehouse.rows('select from ops.batch')).toEqual([]);
});

import { inspect } from 'node:util';
import { z } from 'zod/v4';
import { column } from '../../../src/domain/columns/column';
import { defineDataset } from '../../../src/domain/dataset';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

/** Column names that would break out of anything that isn't quoted. */
const NAMES = [
  'id"; drop table ops.batch; --',
  'constructor',
  'select',
  'a b.c',
  "o'clock",
  '{{ evil }}',
  'ÄÖ',
  '$1',
  'x'.repeat(63),
  `${'x'.repeat(62)}y`,
] as const;
const KEY = NAMES[0];

const hostile = defineDataset({
  name: 'Select',
  key: [KEY],
  schema: z.object(
    Object.fromEntries(
      NAMES.map((name) => [name, name === KEY ? column.id() : column.text({ nullable: true })]),
    ),
  ),
});
const numbers = defineDataset({
  name: 'numbers',
  key: ['id'],
  schema: z.object({
    id: column.id(),
    amount: column.numeric(38, 10, { nullable: true }),
    count: column.integer({ nullable: true }),
    ratio: column.float({ nullable: true }),
    at: column.timestamp({ nullable: true }),
    day: column.date({ nullable: true }),
  }),
});

/** Promises an integer, and hands on something else. */
const broken = defineDataset({
  name: 'broken',
  key: ['id'],
  schema: z.object({ id: column.id(), count: column.integer().overwrite((text) => `${text} pl@nted`) }),
});

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse([hostile, numbers, broken]);
});

afterAll(() => warehouse.stop());

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const csv = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');

test('columns and values that are SQL, COPY or Jinja arrive as what they are', async () => {
  const values = [
    '\\.',
    '\\N',
    "'; drop table ops.batch; --",
    '\\x41\\t\\\\',
    '{{ config() }}',
    'a\tb\r\nc',
    '$$;rollback;$$',
    '\u2028\ufeff\uffff😀',
    '%s$1:name',
    '=cmd|calc',
  ];
  expect(await warehouse.ingest('Select', csv([NAMES, values]))).toMatchObject({ rowsLoaded: 1 });
  const [row] = await warehouse.rows('select * from bronze."Select"');
  expect(NAMES.map((name) => row?.[name])).toEqual(values);
  // Twice: the relation is there already.
  expect(await warehouse.ingest('Select', csv([NAMES, values.map((value) => `${value}2`)]))).toMatchObject({
    rowsLoaded: 1,
  });
});

test('what PostgreSQL would take otherwise, or not at all, never reaches it', async () => {
  const bad = [
    ['amount', 'NaN'],
    ['amount', 'Infinity'],
    ['amount', `1${'0'.repeat(28)}`],
    ['amount', '1e3'],
    ['count', '9223372036854775808'],
    ['count', '9'.repeat(100_000)],
    ['ratio', '1e309'],
    ['ratio', 'nan'],
    ['ratio', '0x1p3'],
    ['at', '0000-01-01'],
    ['at', '+infinity'],
    ['at', 'now'],
    ['at', '2024-01-01 00:00 BC'],
    ['at', '10000-01-01'],
    ['day', 'epoch'],
    ['day', '2023-02-29'],
  ];
  const good = [
    ['amount', `-${'9'.repeat(28)}.${'9'.repeat(10)}`],
    ['amount', `${'0'.repeat(5000)}1.5`],
    ['count', '-9223372036854775808'],
    ['ratio', '4.9e-324'],
    ['ratio', '1e-400'],
    ['ratio', `0.${'0'.repeat(5000)}1`],
    ['ratio', '1.7976931348623157e308'],
    ['at', '0001-01-01T00:00:00Z'],
    ['at', '9999-12-31T23:59:59.999999Z'],
  ];
  const names = ['id', 'amount', 'count', 'ratio', 'at', 'day'];
  const rowOf = ([name, value = '']: string[], index: number): string[] =>
    names.map((column_) => (column_ === 'id' ? `r${index}` : column_ === name ? value : ''));
  const result = await warehouse.ingest('numbers', csv([names, ...[...good, ...bad].map(rowOf)]));
  expect(result).toMatchObject({ rowsLoaded: good.length, rowsRejected: bad.length });
});

test('a value that PostgreSQL refuses is told by its column, and shown nowhere', async () => {
  const refused = await warehouse.ingest('broken', 'id,count\na,7\n').then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({
    code: 'DATASET_INVALID',
    message:
      'PostgreSQL refuses a value that the contract lets into strata_bronze.broken, column count (SQLSTATE 22P02)',
  });
  expect(inspect(refused, { depth: 10, showHidden: true })).not.toContain('pl@nted');
});

test('a header of 40,000 columns leaves a short note in the ledger, and all its values in _extra', async () => {
  const wide = Array.from({ length: 40_000 }, (_, index) => `c${index}`);
  const content = `id,${['amount', 'count', 'ratio', 'at', 'day'].join(',')},${wide.join(',')}\n${['w', '', '', '', '', '', ...wide].join(',')}\n`;
  const result = await warehouse.ingest('numbers', content);
  expect(result).toMatchObject({ rowsLoaded: 1 });
  expect(result.extraColumns).toHaveLength(101);
  expect(result.extraColumns.at(-1)).toBe('and 39900 more');
  const [row] = await warehouse.rows(`
    select (select count(*) from jsonb_object_keys(_extra)) as extras from bronze.numbers where id = 'w'
  `);
  expect(row).toEqual({ extras: '40000' });
});

test('a dead letter keeps hostile bytes, and names hostile columns in one line', async () => {
  const header = Buffer.from('id,amount,count,ratio,at,day,"evil\nname"\n');
  const bytes = Buffer.concat([
    header,
    Buffer.from('\\.,1,1,1,,,'),
    Buffer.from([0xff, 0x5c, 0x2e]),
    Buffer.from('\n'),
  ]);
  await warehouse.ingest('numbers', bytes);
  const [letter] = await warehouse.rows(`
    select error, error_code, encode(record_bytes, 'hex') as bytes from ops.dead_letter
    order by id desc limit 1
  `);
  expect(letter).toEqual({
    error: '"evil\\nname" is not valid UTF-8',
    error_code: 'INVALID_UTF8',
    bytes: Buffer.concat([Buffer.from('\\.,1,1,1,,,'), Buffer.from([0xff, 0x5c, 0x2e])]).toString('hex'),
  });
});

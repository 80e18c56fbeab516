import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Dataset } from '../../../src/domain/dataset';
import { createFileSources, type FileValidation, validateFile } from '../../../src/ingest';
import { loadDatasets } from '../../../src/project/load-datasets';
import {
  TRANSACTIONS_HEADER,
  transactionLine,
  transactionLines,
  transactionsFile,
  writeTemporary,
} from './csv-files';

let transactions: Dataset;

beforeAll(async () => {
  const datasets = await loadDatasets(resolve(__dirname, '..', '..', '..', 'sql'));
  transactions = datasets.find((dataset) => dataset.name === 'transactions') as Dataset;
});

const validatePath = (file: string, fileRoots?: string[]): Promise<FileValidation> =>
  validateFile(
    { dataset: transactions, maxFieldBytes: 1024 * 1024, files: createFileSources({ fileRoots }) },
    { file },
  );

const validate = (content: string | Buffer, name = 'f.csv'): Promise<FileValidation> =>
  validatePath(writeTemporary(name, content));

/** The counts, and where the bad rows are and why. */
const brief = async (content: string | Buffer, name?: string): Promise<unknown> => {
  const { rowsGood, rowsRejected, errors } = await validate(content, name);
  return {
    rowsGood,
    rowsRejected,
    errors: errors.map(({ lineNumber, errorCode }) => `${lineNumber} ${errorCode}`),
  };
};

const none = { rowsRejected: 0, errors: [] };

test('a file with a header only is fine, with or without a line end', async () => {
  expect(await brief(`${TRANSACTIONS_HEADER}\n`)).toEqual({ rowsGood: 0, ...none });
  expect(await brief(TRANSACTIONS_HEADER)).toEqual({ rowsGood: 0, ...none });
});

test('byte order mark, CRLF, empty lines and a missing last line end are read', async () => {
  const text = `\ufeff${TRANSACTIONS_HEADER}\r\n\r\n${transactionLine(1)}\r\n\r\n${transactionLine(2)}`;
  expect(await brief(text)).toEqual({ rowsGood: 2, ...none });
});

test('columns are matched by name, in any order', async () => {
  const text =
    'status,amount,transaction_type,transaction_date,customer_id,transaction_id\nfailed,1,refund,2024-01-01,C,T\n';
  expect(await brief(text)).toEqual({ rowsGood: 1, ...none });
});

test('extra columns are reported', async () => {
  const text = `note,${TRANSACTIONS_HEADER},\nhello,${transactionLine(1)},x\n`;
  expect(await validate(text)).toMatchObject({ rowsGood: 1, rowsRejected: 0, extraColumns: ['note', ''] });
});

test('gzip is read, whatever it is called, and all its members', async () => {
  const members = [transactionsFile(transactionLine(1)), transactionLines(3000, 2)].map((text) =>
    gzipSync(text),
  );
  for (const name of ['f.csv.gz', 'f.csv'])
    expect(await brief(Buffer.concat(members), name)).toEqual({ rowsGood: 3001, ...none });
  expect(await brief(Buffer.concat([...members, Buffer.alloc(512)]), 'padded.gz')).toEqual({
    rowsGood: 3001,
    ...none,
  });
});

test('the hash is of the decompressed bytes', async () => {
  const text = transactionsFile(transactionLine(1));
  const [plain, packed] = [await validate(text), await validate(gzipSync(text), 'f.gz')];
  expect(packed).toMatchObject({ sha256: plain.sha256, contentBytes: Buffer.byteLength(text) });
});

test('damaged or incomplete gzip is one error', async () => {
  const whole = gzipSync(
    transactionsFile(...Array.from({ length: 500 }, (_, index) => transactionLine(index * 7919))),
  );
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 0xff;
  const cases = [
    whole.subarray(0, whole.length - 10),
    whole.subarray(0, 12),
    flipped,
    Buffer.concat([whole, Buffer.from('trailing garbage')]),
    Buffer.concat([whole, whole.subarray(0, 50)]),
    Buffer.from(transactionsFile(transactionLine(1))),
  ];
  for (const content of cases)
    await expect(validate(content, 'f.csv.gz')).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
});

test('a file of no bytes is an error, compressed or not', async () => {
  await expect(validate('')).rejects.toMatchObject({ code: 'FILE_EMPTY' });
  await expect(validate(gzipSync(''), 'f.gz')).rejects.toMatchObject({ code: 'FILE_EMPTY' });
  await expect(validate('\n\n')).rejects.toMatchObject({ code: 'FILE_EMPTY' });
});

test('a bad header is an error for the whole file', async () => {
  await expect(validate('a,b\n1,2\n')).rejects.toMatchObject({ code: 'HEADER_MISSING_COLUMN' });
  await expect(validate(`${TRANSACTIONS_HEADER},status\n`)).rejects.toMatchObject({
    code: 'HEADER_DUPLICATE_COLUMN',
  });
  await expect(validate(Buffer.from(`${TRANSACTIONS_HEADER},\xff\n`, 'latin1'))).rejects.toMatchObject({
    code: 'HEADER_INVALID',
  });
});

test('rows with a wrong number of fields are bad, and say so', async () => {
  const text = transactionsFile(transactionLine(1), 'X,C1', `${transactionLine(2)},,`, transactionLine(3));
  const { rowsGood, errors } = await validate(text);
  expect(rowsGood).toBe(2);
  expect(errors).toEqual([
    {
      lineNumber: 3,
      rowNumber: 2,
      record: 'X,C1',
      error: 'the row has 2 fields, the header has 6',
      errorCode: 'WRONG_FIELD_COUNT',
    },
    expect.objectContaining({ lineNumber: 4, rowNumber: 3, error: 'the row has 8 fields, the header has 6' }),
  ]);
});

test('a row names each failed check', async () => {
  const { errors } = await validate(transactionsFile('T1,,2024-02-30,ten,subscription,completed'));
  expect(errors[0]).toMatchObject({
    error:
      'customer_id is required; ' +
      'transaction_date "2024-02-30" is not a timestamp YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]][Z|±HH[[:]MM]] of a real day; ' +
      'amount "ten" is not a decimal number',
    errorCode: 'SEVERAL',
  });
});

test('invalid UTF-8 and NUL bytes make a row bad, in whatever column', async () => {
  const lines = [
    `${TRANSACTIONS_HEADER},note`,
    `${transactionLine(1)},caf\xc3\xa9`,
    `${transactionLine(2)},caf\xe9`,
    `${transactionLine('\xff')},ok`,
    `${transactionLine(4)},a\0b`,
    `${transactionLine('\0')},ok`,
    `${transactionLine(6)},\xed\xa0\x80`,
    `${transactionLine(7)},\xf0\x9f\x98\x80`,
  ];
  expect(await brief(Buffer.from(lines.join('\n'), 'latin1'))).toEqual({
    rowsGood: 2,
    rowsRejected: 5,
    errors: ['3 INVALID_UTF8', '4 INVALID_UTF8', '5 NUL_BYTE', '6 NUL_BYTE', '7 INVALID_UTF8'],
  });
});

test('a field may have 1 MiB and not a byte more, in whatever column', async () => {
  const line = (length: number, unit: string): string => `${transactionLine(1)},${unit.repeat(length)}`;
  const text = [
    `${TRANSACTIONS_HEADER},note`,
    line(1024 * 1024, 'x'),
    line(1024 * 1024 + 1, 'x'),
    line(512 * 1024, 'é'),
    line(512 * 1024 + 1, 'é'),
    line(3 * 1024 * 1024, 'x'),
    transactionLine('x'.repeat(1001)),
  ].join('\n');
  expect(await brief(`${text},\n`)).toEqual({
    rowsGood: 2,
    rowsRejected: 4,
    errors: ['3 FIELD_TOO_LONG', '5 FIELD_TOO_LONG', '6 FIELD_TOO_LONG', '7 FIELD_TOO_LONG'],
  });
});

test('an endless field is a bad row of little memory, and its record is kept shortened', async () => {
  const text = transactionsFile(transactionLine('x'.repeat(8 * 1024 * 1024)), transactionLine(2));
  const { errors, rowsGood } = await validate(text);
  expect(rowsGood).toBe(1);
  expect(errors[0]).toMatchObject({ lineNumber: 2, errorCode: 'RECORD_TOO_LONG' });
  expect(errors[0]?.record).toMatch(/^Tx{65535}… \(\d+ bytes in all\)$/);
});

test('a record of delimiters alone is a bad row of little memory', async () => {
  const text = transactionsFile(','.repeat(8 * 1024 * 1024), transactionLine(2));
  expect(await brief(text)).toEqual({ rowsGood: 1, rowsRejected: 1, errors: ['2 RECORD_TOO_LONG'] });
});

test('a quote left open in a large file costs one row', async () => {
  const rows = 20_000;
  const text = `${TRANSACTIONS_HEADER}\n${transactionLine(1)}\nT2,"C1,x\n${transactionLines(rows, 3)}`;
  const file = writeTemporary('f.csv', text);
  // Less than the file has, by far.
  const maxFieldBytes = 64 * 1024;
  const { rowsGood, errors } = await validateFile({ dataset: transactions, maxFieldBytes }, { file });
  expect(rowsGood).toBe(rows + 1);
  expect(errors).toMatchObject([{ lineNumber: 3, errorCode: 'INVALID_QUOTING', record: 'T2,"C1,x' }]);
});

test('a quote left open before many empty quoted fields costs one row', async () => {
  const rows = Array.from({ length: 100_000 }, () => '"","","","","",""\n').join('');
  const file = writeTemporary('f.csv', `${TRANSACTIONS_HEADER}\nT1,"C1,x\n${rows}${transactionLine(2)}\n`);
  const { rowsGood, rowsRejected } = await validateFile(
    { dataset: transactions, maxFieldBytes: 8192 },
    { file },
  );
  expect([rowsGood, rowsRejected]).toEqual([1, 100_001]);
});

test('line numbers are those of an editor', async () => {
  const text = `\n${TRANSACTIONS_HEADER},note\n\n${transactionLine(1)},"a\r\nb\nc"\nbad\n\n"bad\nagain"\n`;
  const { errors } = await validate(text);
  expect(errors.map(({ lineNumber, rowNumber }) => [lineNumber, rowNumber])).toEqual([
    [7, 2],
    [9, 3],
  ]);
});

test('only the first errors are kept, all are counted', async () => {
  const { errors, rowsRejected } = await validate(
    transactionsFile(...Array.from({ length: 500 }, () => 'bad')),
  );
  expect([errors.length, rowsRejected]).toEqual([10, 500]);
});

test('a path that is no regular file is a clear error', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'strata-csv-'));
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(validatePath(join(dir, 'nothing.csv'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  await expect(validatePath(dir)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  await expect(validatePath(pipe)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  await expect(validatePath('/dev/zero')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  await expect(validatePath('-')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  await expect(validatePath('/tmp/a\0b')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});

test('only files under the given folders are read, wherever links lead', async () => {
  const file = writeTemporary('f.csv', transactionsFile(transactionLine(1)));
  const inside = join(dirname(file), 'roots');
  mkdirSync(inside);
  symlinkSync(file, join(inside, 'link.csv'));
  writeFileSync(join(inside, 'own.csv'), transactionsFile(transactionLine(1)));
  expect(await validatePath(join(inside, 'own.csv'), [inside])).toMatchObject({ rowsGood: 1 });
  await expect(validatePath(join(inside, 'link.csv'), [inside])).rejects.toMatchObject({
    code: 'FILE_NOT_ALLOWED',
  });
  await expect(validatePath(join(inside, '..', 'f.csv'), [inside])).rejects.toMatchObject({
    code: 'FILE_NOT_ALLOWED',
  });
  await expect(validatePath(join(inside, 'own.csv'), [])).rejects.toMatchObject({ code: 'FILE_NOT_ALLOWED' });
  await expect(validatePath(join(inside, 'own.csv'), [`${inside}x`])).rejects.toMatchObject({
    code: 'FILE_NOT_ALLOWED',
  });
});

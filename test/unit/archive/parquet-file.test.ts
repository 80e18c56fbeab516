import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { readParquet, writeParquet } from '../../../src/archive/parquet-file';
import { type ArchiveRow, RowSums } from '../../../src/archive/parquet-values';
import { archiveColumn, manifestProblem } from '../../../src/domain/archive-manifest';

const dir = mkdtempSync(join(tmpdir(), 'strata-parquet-'));
afterAll(() => rmSync(dir, { recursive: true }));

const columns = [
  archiveColumn('flag', 'boolean'),
  archiveColumn('small', 'integer'),
  archiveColumn('big', 'bigint'),
  archiveColumn('amount', 'numeric(18,2)'),
  archiveColumn('at', 'timestamp with time zone'),
  archiveColumn('wall', 'timestamp without time zone'),
  archiveColumn('day', 'date'),
  archiveColumn('ratio', 'double precision'),
  archiveColumn('name', 'text'),
  archiveColumn('huge', 'numeric(30,4)'),
];

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const double = fc.double({ noNaN: false }).map((value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
});
const nullable = (values: fc.Arbitrary<string>) => fc.option(values, { nil: null });
const row = fc.tuple(
  nullable(fc.boolean().map(String)),
  nullable(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String)),
  nullable(int64),
  nullable(fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }).map(String)),
  nullable(int64),
  nullable(int64),
  nullable(fc.integer({ min: -719_162, max: 2_932_896 }).map(String)),
  nullable(double),
  nullable(fc.string({ unit: 'grapheme' })),
  nullable(fc.constantFrom('12345678901234567890123456.7891', '-0.0001')),
);

const bytesOf = (file: string) => {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
  return { byteLength, slice: (start: number, end?: number) => Promise.resolve(bytes.slice(start, end)) };
};

const roundTrip = async (groups: readonly (readonly ArchiveRow[])[]): Promise<ArchiveRow[]> => {
  const file = join(dir, 'rows.parquet');
  await writeParquet(
    file,
    columns,
    (async function* () {
      for (const group of groups) yield await Promise.resolve(group);
    })(),
  );
  const read: ArchiveRow[] = [];
  for await (const rows of readParquet(bytesOf(file), columns)) read.push(...rows);
  return read;
};

test('every value comes back exactly, in every group of rows', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { minLength: 1, maxLength: 30 }), { maxLength: 3 }),
      async (groups) => {
        expect(await roundTrip(groups)).toEqual(groups.flat());
      },
    ),
    { numRuns: 60 },
  ));

test('what the sums of rows say does not depend on their order, and on every value', () => {
  const sumsOf = (rows: readonly ArchiveRow[]) => {
    const sums = new RowSums(columns);
    for (const each of rows) sums.add(each);
    return sums;
  };
  const a: ArchiveRow = ['true', '1', '2', '3', '4', '5', '6', '3ff0000000000000', 'x', null];
  const b: ArchiveRow = ['false', '1', '2', '3', '4', '5', '6', '3ff0000000000000', '', '1.0000'];
  const { rows, sums } = sumsOf([a, b]);
  const manifest = { rows, columns: columns.map((c) => ({ ...c, nulls: 0, checksum: '', ...sums[c.name] })) };
  expect(manifestProblem(manifest, sumsOf([b, a]))).toBeUndefined();
  expect(manifestProblem(manifest, sumsOf([a]))).toBe('1 rows, not 2');
  const other = [...b.slice(0, 8), null, '1.0000'];
  expect(manifestProblem(manifest, sumsOf([a, other]))).toBe('other values in name');
});

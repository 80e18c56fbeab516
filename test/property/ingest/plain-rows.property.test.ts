import fc from 'fast-check';
import { column, type Dataset, defineDataset, rowRule, z } from '../../../src';
import { readKnowingOpenQuotes, readRows } from '../../../src/ingest/read-rows';

/** The fast way of good rows makes of every file what the csv library and zod make of it, row by row. */

const MAX_FIELD_BYTES = 60;

const everyColumn = defineDataset({
  name: 'every_column',
  key: ['id'],
  eventTime: 'at',
  schema: z
    .object({
      id: column.id(),
      note: column.text({ nullable: true }),
      at: column.timestamp(),
      local: column.localTimestamp({ nullable: true }),
      day: column.date({ nullable: true }),
      amount: column.numeric(8, 2),
      share: column.numeric(4, 4, { nullable: true, min: 0 }),
      units: column.integer({ min: -5, max: 1000 }),
      rate: column.float({ nullable: true }),
      isNew: column.boolean({ nullable: true }),
      kind: column.oneOf(['sale', 'refund', 'gift, wrapped']),
    })
    .check(
      rowRule({
        columns: ['amount', 'kind'],
        isGood: ({ amount, kind }) => kind === 'refund' || !amount?.startsWith('-'),
        message: 'is negative',
      }),
    ),
});
const withNullTexts = defineDataset({
  name: 'with_null_texts',
  key: ['id'],
  schema: z.object({
    id: column.text(),
    at: column.timestamp({ timeZone: 'America/New_York', nullValues: ['NA'] }),
    units: column.integer({ nullValues: ['-1'] }),
    kind: column.oneOf(['NA', 'é']),
  }),
});
const refined = defineDataset({
  name: 'refined',
  key: ['id'],
  schema: z.object({ id: column.id().refine((id) => id.startsWith('T')), units: column.integer() }),
});

const two = fc.integer({ min: 0, max: 32 }).map((value) => String(value).padStart(2, '0'));
const year = fc.constantFrom('0000', '0001', '0099', '0100', '1999', '2000', '2024', '9999', '20x4');
const date = fc.oneof(
  fc.constantFrom('2024-02-29', '2023-02-29', '2024-12-31', '2024-04-31', '2024-01-02'),
  fc.tuple(year, two, two).map((parts) => parts.join('-')),
);
const time = fc.constantFrom('00:00', '23:59', '24:00', '12:30:59', '12:30:60', '1:30:00', '12:30:59.', '12:30:59.123456', '12:30:59.1234567'); // prettier-ignore
const zone = fc.constantFrom('', 'Z', 'z', '+02:00', '-1530', '+24', ' ');
const timestamp = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('2024-01-02T03:04:05Z', '2024-01-02 03:04:05', '2024-06-30T23:59:59.5Z'),
  },
  { weight: 1, arbitrary: date },
  {
    weight: 2,
    arbitrary: fc.tuple(date, fc.constantFrom('T', ' ', 't'), time, zone).map((parts) => parts.join('')),
  },
);
const number = fc.oneof(
  fc.constantFrom('0', '-0', '0.0', '-0.00', '-0.50', '00', '007', '1.', '.5', '1.50', '100.00', '10', '1000', '-1', '+1', '1e3', '123456.78', '1234567', '1.234', '1.230', '-5.10', '9007199254740993', '12345678901234567890'), // prettier-ignore
  fc.double({ noNaN: true }).map(String),
  fc.integer({ min: -2000, max: 2000 }).map((cents) => (cents / 100).toFixed(2)),
);
const word = fc.constantFrom('sale', 'refund', 'gift, wrapped', 'Sale', 'true', 'F', 'NA', 'é', '');
const text = fc.oneof(
  fc.constantFrom(
    '',
    'T1',
    'a b',
    'Zoë',
    '😀',
    'a\tb',
    'a\\b',
    'x"y',
    'a\rb',
    'a\nb',
    'a,b',
    '\0',
    'x'.repeat(61),
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const value = fc.oneof(
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: word },
  { weight: 1, arbitrary: timestamp },
  { weight: 1, arbitrary: number },
);

/** Mostly of the kind that the column wants, so that rows are often good. */
const likely: Record<string, fc.Arbitrary<string>> = {
  id: fc.oneof(fc.constantFrom('T1', 'T2', 'Zoë'), text),
  note: text,
  at: timestamp,
  local: timestamp,
  day: date,
  amount: number,
  share: fc.oneof(fc.constantFrom('0.5', '0.1234', ''), number),
  units: fc.oneof(fc.constantFrom('1', '-5', '7'), number),
  rate: fc.oneof(fc.constantFrom('1.5', '2e-3', ''), number),
  isNew: fc.oneof(fc.constantFrom('true', 'f', ''), word),
  kind: word,
};

/** Good values of each column, in forms that the fast way knows and others. */
const good: Record<string, fc.Arbitrary<string>> = {
  id: fc.constantFrom('T1', 'a b', 'Zoë', 'T123'),
  note: fc.constantFrom('', 'Zoë 😀', 'plain'),
  at: fc.constantFrom('2024-01-02T03:04:05Z', '2024-01-02 03:04:05.25', '2024-12-31T10:00+02:00'),
  local: fc.constantFrom('', '2024-01-02 03:04:05', '2024-05-06'),
  day: fc.constantFrom('', '2024-02-29', '2023-07-31'),
  amount: fc.constantFrom('10', '0', '0.50', '120.00', '7.25'),
  share: fc.constantFrom('', '0', '0.5', '0.1200'),
  units: fc.constantFrom('0', '-5', '1000', '007'),
  rate: fc.constantFrom('', '1.5', '2e-3'),
  isNew: fc.constantFrom('', 'true', 'N'),
  kind: fc.constantFrom('sale', 'refund', 'gift, wrapped', 'NA'),
};

type Cell = readonly [text: string, quoted: boolean];
const asField = ([cell, isQuoted]: Cell): string =>
  isQuoted || /^"|[,\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

/** Mostly good rows: it takes one bad field to make a row bad. */
const rowOf = (names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.tuple(...names.map((name) => good[name] ?? value)),
      fc.array(fc.boolean(), { minLength: names.length, maxLength: names.length }),
      fc.option(
        fc.nat(names.length - 1).chain((at) => fc.tuple(fc.constant(at), likely[names[at] ?? ''] ?? value)),
        { freq: 2 },
      ),
    )
    .map(([cells, quotes, odd]) =>
      cells.map((cell, at) => asField([odd?.[0] === at ? odd[1] : cell, quotes[at] === true])).join(','),
    );

interface CsvCase {
  readonly dataset: Dataset;
  readonly bytes: Buffer;
  readonly blockSizes: readonly number[];
}

const caseOf = (dataset: Dataset, extra = false): fc.Arbitrary<CsvCase> =>
  fc
    .shuffledSubarray(
      dataset.columns.map(({ name }) => name),
      { minLength: dataset.columns.length },
    )
    .chain((names) => {
      const line = fc.oneof(
        { weight: 12, arbitrary: rowOf(names).map((row) => (extra ? `${row},more` : row)) },
        { weight: 1, arbitrary: fc.constantFrom('', '\r', ',', '"', 'a"b,c', '"a" b', 'a,b', '""') },
      );
      return fc
        .record({
          lines: fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 30 }),
          ending: fc.constantFrom('', '\n'),
          blockSizes: fc.array(
            fc.oneof(
              { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }) },
              { weight: 3, arbitrary: fc.constant(4096) },
            ),
            {
              minLength: 1,
              maxLength: 4,
            },
          ),
        })
        .map(({ lines, ending, blockSizes }) => {
          const body = lines.map(([row, end], at) => row + (at === lines.length - 1 ? ending : end)).join('');
          const header = [...names, ...(extra ? ['beyond'] : [])].join(',');
          return { dataset, bytes: Buffer.from(`${header}\n${body}`), blockSizes };
        });
    });

interface Reading {
  readonly rows: ReadonlyMap<string, string>;
  readonly latest: string | undefined;
  readonly plainRows: number;
}

const readAll = async (
  { dataset, bytes, blockSizes }: CsvCase,
  way: 'plain' | 'fields',
): Promise<Reading> => {
  async function* blocks(): AsyncGenerator<Buffer> {
    for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
      const to = from + (blockSizes[turn % blockSizes.length] as number);
      const block = Buffer.from(bytes.subarray(from, to));
      yield block;
      block.fill(63);
      from = to;
    }
  }
  let found = new Map<string, string>();
  let plainRows = 0;
  let times: string[] = [];
  const noteEvent = (time: unknown): void => {
    if (typeof time === 'string') times.push(time);
  };
  const take = (line: string): void => {
    const rowNumber = line.split('\t').at(-2) as string;
    expect(found.has(rowNumber)).toBe(false);
    found.set(rowNumber, line);
  };
  const plain = {
    rowEnd: Buffer.from('\t|\n'),
    noteEvent,
    plainRows: (piece: Buffer, rows: number): void => {
      const lines = piece.toString().split('\t|\n').slice(0, -1);
      expect(lines.length).toBe(rows);
      plainRows += rows;
      lines.forEach(take);
    },
  };
  const content = { isCompressed: false, blocks };
  await readKnowingOpenQuotes((openQuotes) => {
    found = new Map();
    times = [];
    return readRows(
      { dataset, file: 'f.csv', content, maxFieldBytes: MAX_FIELD_BYTES, openQuotes },
      {
        goodRow: (line, row) => {
          take(line);
          noteEvent(row[dataset.eventTime ?? '']);
        },
        badRow: ({ rowNumber, lineNumber, error, record, errorCode }) =>
          void found.set(String(rowNumber), `line ${lineNumber} ${errorCode} ${error} ${record}`),
        afterBlock: () => Promise.resolve(),
        ...(way === 'plain' ? { plain } : {}),
      },
    );
  });
  return { rows: found, latest: times.sort().at(-1), plainRows };
};

const sorted = (rows: ReadonlyMap<string, string>): [string, string][] =>
  [...rows].sort(([a], [b]) => Number(a) - Number(b));

test('the fast way of good rows makes of any file what the csv library and the schema make of it', async () => {
  let taken = 0;
  let all = 0;
  const anyCase = fc.oneof(
    { weight: 4, arbitrary: caseOf(everyColumn) },
    { weight: 2, arbitrary: caseOf(withNullTexts) },
    { weight: 1, arbitrary: caseOf(refined) },
    { weight: 1, arbitrary: caseOf(everyColumn, true) },
  );
  await fc.assert(
    fc.asyncProperty(anyCase, async (csv) => {
      const fast = await readAll(csv, 'plain');
      const reference = await readAll(csv, 'fields');
      expect(sorted(fast.rows)).toEqual(sorted(reference.rows));
      expect(fast.latest).toBe(reference.latest);
      taken += fast.plainRows;
      all += reference.rows.size;
    }),
    { numRuns: 400 },
  );
  // Else nothing would have been compared.
  expect(taken / all).toBeGreaterThan(0.1);
});

test('a schema with checks of its own has no fast way', () => {
  expect(refined.plain).toBeUndefined();
  expect(everyColumn.plain).toBeDefined();
});

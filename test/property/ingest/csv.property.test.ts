import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { readRecords } from '../../unit/ingest/records';

const field = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: fc.constantFrom(',', '"', '\n', '\r', '\r\n', 'é', '😀', ' ', 'x', '\\'), maxLength: 6 }),
);
const rows = fc
  .integer({ min: 1, max: 4 })
  .chain((width) =>
    fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
  );
const layout = fc.record({
  record_delimiter: fc.constantFrom('\n', '\r\n'),
  quoted: fc.boolean(),
  eof: fc.boolean(),
});

const newlinesIn = (text: string): number => text.split('\n').length - 1;

/** The rows as CSV with what is to be read of each: its fields and the line it starts on. */
const written = (table: string[][], options: { record_delimiter: string; quoted: boolean; eof: boolean }) => {
  let line = 1;
  const expected = table.map((fields) => {
    const record = { line, fields };
    line += newlinesIn(
      stringify([fields], { ...options, eof: true, quoted_match: /[\r\n"]/, quoted_empty: true }),
    );
    return record;
  });
  const text = stringify(table, { ...options, quoted_match: /[\r\n"]/, quoted_empty: true });
  return { text, expected };
};

test('whatever a CSV library writes is read back equal, with the right lines, in blocks of any size', () => {
  fc.assert(
    fc.property(rows, layout, fc.integer({ min: 1, max: 40 }), (table, options, blockBytes) => {
      const { text, expected } = written(table, options);
      const found = readRecords(text, { blockBytes });
      expect(
        found.map((record) => 'fields' in record && { line: record.line, fields: record.fields }),
      ).toEqual(expected);
      expect(readRecords(text)).toEqual(found);
    }),
    { numRuns: 500 },
  );
});

const noise = fc.string({
  unit: fc.constantFrom('a', ',', '"', '"', '\n', '\r\n', '\n\n', '\r'),
  maxLength: 120,
});

test('bad quoting never hangs, and nothing of the file is lost or read twice, however it is cut into blocks', () => {
  fc.assert(
    fc.property(
      noise,
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(8, 1000),
      (text, blockBytes, maxRecordBytes) => {
        const found = readRecords(text, { maxRecordBytes });
        expect(readRecords(text, { blockBytes, maxRecordBytes })).toEqual(found);
        const lines = (part: string): string => part.replaceAll(/[\r\n]/g, '');
        expect(found.map((record) => lines(record.raw)).join('')).toBe(lines(text));
        const physical = text.split('\n');
        for (const record of found)
          expect(
            physical[record.line - 1]?.startsWith(record.raw.split('\n')[0]?.replace(/\r$/, '') ?? ''),
          ).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

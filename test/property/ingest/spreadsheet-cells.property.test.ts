import fc from 'fast-check';
import { column, defineDataset, z } from '../../../src';
import type { LetterRow } from '../../../src/db/dead-letter-queue';
import { defuseCell, valueOfCell } from '../../../src/domain/spreadsheet-cell';
import { exportHeader, exportLine } from '../../../src/ingest/export-letters';
import { correctionOf, fieldsOfLetter } from '../../../src/ingest/letter-fields';
import { readCorrections } from '../../../src/ingest/read-corrections';
import { writeTemporary } from '../../unit/ingest/csv-files';

const start = fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '\n', "'", "''", '＝', '-5', "'=1+1");
const value = fc
  .tuple(start, fc.string({ unit: 'binary', maxLength: 12 }))
  .map(([before, rest]) => before + rest.replaceAll('\0', ''));

test('no cell is a formula, and every value comes back as it was', () => {
  fc.assert(
    fc.property(value, (text) => {
      const cell = defuseCell(text);
      expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
      expect(valueOfCell(cell)).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test.each(['-5.00', '+49 30', '=sum(A1)', "'90s", "''", "'=x", '@home', '', 'plain'])(
  '%j survives as people may leave it: as it was written out, or with the apostrophe taken off',
  (text) => {
    expect(valueOfCell(defuseCell(text))).toBe(text);
    if (!text.startsWith("'")) expect(valueOfCell(text)).toBe(text);
  },
);

const notes = defineDataset({
  name: 'notes',
  key: ['a'],
  schema: z.object({
    a: column.id(),
    b: column.text({ nullable: true }),
    c: column.text({ nullable: true }),
  }),
});

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const letter = (id: string, bytes: Buffer): LetterRow => ({
  id,
  ...{
    dataset: 'notes',
    file: 'f.csv',
    lineNumber: 2,
    rowNumber: 1,
    batchId: '1',
    state: 'open',
    attempts: 1,
  },
  record: bytes.toString('utf8').replaceAll('\0', '\ufffd'),
  recordBytes: bytes,
  ...{ error: '=bad', errorCode: 'INVALID_VALUE', createdAt: '', corrected: null, isOfRejectedFile: false },
  header: ['a', 'b', 'c'],
});

const readBack = async (content: string) => {
  const found = [];
  for await (const some of readCorrections(writeTemporary('x.csv', content))) found.push(...some);
  return found;
};

test('an export that nobody touched corrects nothing, and one changed cell is exactly that correction', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 4 }),
      value,
      async (rows, mended) => {
        const letters = rows.map((row, n) => letter(String(n + 1), Buffer.from(row.map(quoted).join(','))));
        const text = exportHeader(notes) + letters.map((l) => exportLine(notes, l)).join('');
        const found = await readBack(text);
        expect(found).toHaveLength(letters.length);
        for (const [n, { id, texts }] of found.entries()) {
          const original = letters[n] as LetterRow;
          const known = fieldsOfLetter(notes, original);
          expect(id).toBe(original.id);
          expect(correctionOf(known, original, texts)).toBeUndefined();
          const changed = correctionOf(known, original, { ...texts, b: mended });
          expect(changed).toEqual(mended === rows[n]?.[1] ? undefined : { b: mended });
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('bytes that are no text are shown, and kept where another column is mended', () => {
  const original = letter('1', Buffer.from('k,\xff\xfe,x', 'latin1'));
  const known = fieldsOfLetter(notes, original);
  expect(known.undecodable).toEqual(['b']);
  expect(exportLine(notes, original)).toBe("1,k,\ufffd\ufffd,x,'=bad\r\n");
  expect(correctionOf(known, original, { a: 'k', b: '\ufffd\ufffd', c: 'y' })).toEqual({ c: 'y' });
});

test('a record that can not be told into columns is corrected as a whole', () => {
  const original = letter('1', Buffer.from('k,b'));
  const known = fieldsOfLetter(notes, original);
  expect(known).toMatchObject({ fields: undefined, texts: { a: 'k', b: 'b', c: '' } });
  expect(correctionOf(known, original, { c: 'new' })).toEqual({ a: 'k', b: 'b', c: 'new' });
});

test.each([
  ['another file', 'a,b,c\n1,2,3\n', /has no column dead_letter_id/],
  ['semicolons', 'dead_letter_id;a;b\n1;2;3\n', /not comma-separated/],
  ['a letter twice', 'dead_letter_id,a\n1,x\n1,y\n', /has dead letter 1 twice, in line 3/],
  ['no id', 'dead_letter_id,a\nx,y\n', /has no id of a dead letter in line 2/],
  ['a column twice', 'dead_letter_id,a,a\n1,x,y\n', /names a column twice/],
  ['a field too many', 'dead_letter_id,a\n1,x,y\n', /has 3 fields in line 2, its header has 2/],
  ['an open quote', 'dead_letter_id,a\n1,"x\n', /line 2/],
])('a file with %s is refused', async (_name, content, message) => {
  await expect(readBack(content)).rejects.toMatchObject({
    code: 'CORRECTION_INVALID',
    message: expect.stringMatching(message) as string,
  });
});

test('a byte order mark, blank lines and lines of empty cells are passed over', async () => {
  expect(await readBack('\ufeffdead_letter_id,a,dead_letter_error\r\n\r\n,,\r\n1,x,why\r\n')).toEqual([
    { id: '1', texts: { a: 'x' } },
  ]);
});

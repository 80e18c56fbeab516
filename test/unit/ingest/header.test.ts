import { HeaderReader } from '../../../src/ingest/read-header';

const dataset = { columns: ['id', 'name'].map((name) => ({ name, type: 'text' })) };

const read = (content: string | Buffer, blockBytes = 4096): unknown => {
  const bytes = Buffer.from(content as string);
  const reader = new HeaderReader(dataset, 'f.csv');
  for (let from = 0; from < bytes.length; from += blockBytes) {
    const header = reader.feed(bytes.subarray(from, from + blockBytes));
    if (header) return header;
  }
  return reader.end();
};

const failure = (content: string | Buffer): unknown => {
  try {
    read(content);
    return undefined;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
};

test('columns are found by name, in any order, and others are extra', () => {
  expect(read('more,name,id,\n1,2,3,4\n')).toEqual({
    fieldCount: 4,
    columnIndexes: [2, 1],
    extraColumns: [
      { name: 'more', index: 0 },
      { name: '', index: 3 },
    ],
    endOffset: 14,
    nextLine: 2,
  });
});

test.each([1, 2, 3, 5, 100])('a byte order mark is skipped, in blocks of %d', (blockBytes) => {
  expect(read('\ufeffid,name\r\nx,y', blockBytes)).toMatchObject({ columnIndexes: [0, 1], endOffset: 12 });
});

test('empty lines before the header are skipped', () => {
  expect(read('\n\r\nid,name\n')).toMatchObject({ nextLine: 4, endOffset: 11 });
});

test('a header may be quoted, over several lines, and end with the file', () => {
  expect(read('"id","name","a\nb"')).toMatchObject({
    fieldCount: 3,
    extraColumns: [{ name: 'a\nb', index: 2 }],
  });
});

test('a bad row after the header is none of its business', () => {
  expect(read('id,name\n"a"b,"\n')).toMatchObject({ endOffset: 8, nextLine: 2 });
});

test.each<[string, string | Buffer, string]>([
  [
    'missing columns, all of them',
    'x\n',
    'HEADER_MISSING_COLUMN: f.csv lacks the columns "id", "name"; its header has "x"',
  ],
  [
    'a name in other letters',
    'ID,name\n',
    'HEADER_MISSING_COLUMN: f.csv lacks the column "id"; its header has "ID", "name"',
  ],
  [
    'a duplicate column',
    'id,name,id\n',
    'HEADER_DUPLICATE_COLUMN: f.csv names the column "id" more than once in its header',
  ],
  [
    'a duplicate extra column',
    'id,name,x,x\n',
    'HEADER_DUPLICATE_COLUMN: f.csv names the column "x" more than once in its header',
  ],
  [
    'UTF-16 with a mark',
    Buffer.from('\ufeffid,name\n', 'utf16le'),
    'HEADER_INVALID: f.csv is written in UTF-16, not in UTF-8',
  ],
  [
    'UTF-16 without one',
    Buffer.from('id,name\n', 'utf16le'),
    'HEADER_INVALID: f.csv has a NUL byte in its header',
  ],
  [
    'bytes that are not UTF-8',
    Buffer.from('id,name,n\xe4\n', 'latin1'),
    'HEADER_INVALID: f.csv has bytes in its header that are not UTF-8',
  ],
  [
    'bad quoting',
    'id,"name"x\n',
    'HEADER_INVALID: f.csv has a bad header: a closing quote that is followed by neither a comma nor a line end',
  ],
  [
    'an unclosed quote',
    'id,"name\n1,2\n',
    'HEADER_INVALID: f.csv has a bad header: a quote that is never closed',
  ],
  [
    'lines that end with a carriage return alone',
    'id\rx',
    'HEADER_INVALID: f.csv ends its lines with a carriage return alone',
  ],
  ['nothing but empty lines', '\n\r\n\n', 'FILE_EMPTY: f.csv has no header line'],
  ['nothing but a byte order mark', '\ufeff', 'FILE_EMPTY: f.csv has no header line'],
])('%s is one clear error', (_, content, message) => {
  expect(failure(content)).toBe(message);
});

test('an endless header is refused without keeping it', () => {
  expect(failure('x'.repeat(3_000_000))).toMatch(
    /^HEADER_INVALID: f\.csv has a bad header: the record is longer/,
  );
  expect(failure(`"${'x'.repeat(3_000_000)}`)).toMatch(/^HEADER_INVALID: f\.csv opens a quote/);
});

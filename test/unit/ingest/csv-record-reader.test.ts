import { readRecords } from './records';

/** Lines and fields alone. */
const brief = (content: string | Buffer, options: Parameters<typeof readRecords>[1] = {}): unknown[] =>
  readRecords(content, options).map((found) =>
    'fields' in found ? [found.line, ...found.fields] : [found.line, found.broken, found.raw],
  );

/** Read in one block, and byte by byte, which must be the same. */
const both = (content: string, options: { maxRecordBytes?: number } = {}): unknown[] => {
  const whole = brief(content, options);
  expect(brief(content, { ...options, blockBytes: 1 })).toEqual(whole);
  expect(brief(content, { ...options, blockBytes: 3 })).toEqual(whole);
  return whole;
};

test('lines end with LF, CRLF or the end of the file', () => {
  expect(both('a,b\nc,d\r\ne,f')).toEqual([
    [1, 'a', 'b'],
    [2, 'c', 'd'],
    [3, 'e', 'f'],
  ]);
});

test('a lone carriage return is text', () => {
  expect(both('a\rb,c\n')).toEqual([[1, 'a\rb', 'c']]);
});

test('quoted commas, quotes and newlines are text', () => {
  expect(both('"a,b","say ""x""","1\n2\r\n3"\nnext,,\n')).toEqual([
    [1, 'a,b', 'say "x"', '1\n2\r\n3'],
    [4, 'next', '', ''],
  ]);
});

test('empty lines are skipped, and counted', () => {
  expect(both('\n\r\na,b\n\n\n\r\nc,d\n\n')).toEqual([
    [3, 'a', 'b'],
    [7, 'c', 'd'],
  ]);
});

test('a line of blanks, or of an empty quoted field, is not empty', () => {
  expect(both(' \n""\n,\n')).toEqual([
    [1, ' '],
    [2, ''],
    [3, '', ''],
  ]);
});

test('the raw record is the record without its line end', () => {
  const raws = readRecords('\n"a\nb",c\r\n\r\nd,e').map((found) => found.raw);
  expect(raws).toEqual(['"a\nb",c', 'd,e']);
});

test('a quote within an unquoted field breaks that record alone', () => {
  expect(both('a,b"c,d\ne,f,g\n')).toEqual([
    [1, 'INVALID_QUOTING', 'a,b"c,d'],
    [2, 'e', 'f', 'g'],
  ]);
});

test('text after a closing quote breaks that record alone', () => {
  expect(both('a,"b"c,d\r\ne,f,g\n')).toEqual([
    [1, 'INVALID_QUOTING', 'a,"b"c,d'],
    [2, 'e', 'f', 'g'],
  ]);
});

test('a bad field on a later line of a record takes that line with it', () => {
  expect(both('"a\nb","c"d\nx,y\n')).toEqual([
    [1, 'INVALID_QUOTING', '"a\nb","c"d'],
    [3, 'x', 'y'],
  ]);
});

test('an unclosed quote costs its own line; what follows is read', () => {
  const rows = Array.from({ length: 50 }, (_, index) => `r${index},"q${index}"`);
  const found = both(`a,"b\n${rows.join('\n')}\n`) as unknown[][];
  expect(found[0]).toEqual([1, 'INVALID_QUOTING', 'a,"b']);
  expect(found.slice(1).map(([line, first]) => [line, first])).toEqual(
    rows.map((_, index) => [index + 2, `r${index}`]),
  );
});

test('an unclosed quote at the end of the file is one broken record', () => {
  expect(both('a,b\nc,"d')).toEqual([
    [1, 'a', 'b'],
    [2, 'INVALID_QUOTING', 'c,"d'],
  ]);
  expect(both('a,"b\nc,d\n')).toEqual([
    [1, 'INVALID_QUOTING', 'a,"b'],
    [2, 'c', 'd'],
  ]);
});

test('a record that is too long is passed over, quoted newlines and all', () => {
  const long = `x,"${'y\n'.repeat(40)}","z"`;
  const found = both(`a,b\n${long}\nc,d\n`, { maxRecordBytes: 20 }) as unknown[][];
  expect(found).toEqual([
    [1, 'a', 'b'],
    [2, 'RECORD_TOO_LONG', long],
    [43, 'c', 'd'],
  ]);
});

test('a record that is too long may end with the file', () => {
  const long = 'x'.repeat(100);
  expect(both(`a\n${long}`, { maxRecordBytes: 20 })).toEqual([
    [1, 'a'],
    [2, 'RECORD_TOO_LONG', long],
  ]);
});

test('a quote that is open for longer than a record may be costs its own line only', () => {
  const rows = Array.from({ length: 30 }, (_, index) => `r${index},`);
  const unclosed = both(`a,"b\n${rows.join('\n')}\n`, { maxRecordBytes: 20 }) as unknown[][];
  expect(unclosed).toHaveLength(31);
  expect(unclosed[0]).toEqual([1, 'INVALID_QUOTING', 'a,"b']);
  const closedOddly = both(`a,"b\n${rows.join('\n')}\nc,"d"\n`, { maxRecordBytes: 20 }) as unknown[][];
  expect(closedOddly).toHaveLength(32);
  expect(closedOddly.at(-1)).toEqual([32, 'c', 'd']);
});

test('any bytes are read without an error', () => {
  const bytes = Buffer.from([0xff, 0x00, 0x2c, 0xc3, 0x28, 0x0a, 0x22, 0x00, 0x22, 0x0a]);
  const found = readRecords(bytes);
  expect(found.map((record) => record.line)).toEqual([1, 2]);
});

import { column, postgresTypeOf } from '../../../src/domain/columns/column';
import type { z } from 'zod/v4';

const outcome = (schema: z.ZodType, text: string): unknown => {
  const result = schema.safeParse(text);
  return result.success ? result.data : result.error.issues.map((issue) => issue.message);
};

test('an empty field is missing, unless the column is nullable', () => {
  expect(outcome(column.text(), '')).toEqual(['is required']);
  expect(outcome(column.text({ nullable: true }), '')).toBeNull();
  expect(outcome(column.oneOf(['a'], { nullable: true }), '')).toBeNull();
  expect(outcome(column.timestamp(), '')).toEqual(['is required']);
});

test('text is kept byte for byte', () => {
  for (const text of ['  ', ' a ', '\u00a0', 'NULL', '=1+1', 'A\u0301', '\ufeffx', '\t', 'a\\b'])
    expect(outcome(column.text({ nullable: true }), text)).toBe(text);
});

test('further words for NULL are NULL, and only exactly', () => {
  const delay = column.integer({ nullValues: ['NA'] });
  expect(outcome(delay, 'NA')).toBeNull();
  expect(outcome(delay, '')).toBeNull();
  expect(outcome(delay, '-5')).toBe('-5');
  expect(outcome(delay, 'na')).toEqual(['"na" is not a whole number']);
});

test('a closed set takes its words exactly', () => {
  const segment = column.oneOf(['starter', 'growth']);
  expect(outcome(segment, 'growth')).toBe('growth');
  for (const word of ['Growth', ' growth', 'growth ', 'gold'])
    expect(outcome(segment, word)).toEqual([`"${word}" is not one of starter, growth`]);
});

test('an id is at most 1,000 bytes, not characters', () => {
  expect(outcome(column.id(), 'x'.repeat(1000))).toHaveLength(1000);
  expect(outcome(column.id(), 'x'.repeat(1001))).toEqual(['is longer than 1000 bytes']);
  expect(outcome(column.id(), 'é'.repeat(500))).toHaveLength(500);
  expect(outcome(column.id(), 'é'.repeat(501))).toEqual(['is longer than 1000 bytes']);
  expect(outcome(column.id(), '😀'.repeat(250))).toHaveLength(500);
  expect(outcome(column.id(), '😀'.repeat(251))).toEqual(['is longer than 1000 bytes']);
});

test('numbers are what PostgreSQL takes', () => {
  expect(outcome(column.integer(), '9223372036854775807')).toBe('9223372036854775807');
  expect(outcome(column.integer(), '9223372036854775808')).toEqual(['"9223372036854775808" is not a bigint']);
  expect(outcome(column.integer(), '1.0')).toEqual(['"1.0" is not a whole number']);
  expect(outcome(column.float(), '-1.5e10')).toBe('-1.5e10');
  expect(outcome(column.float(), '1e999')).toEqual(['"1e999" is not a number']);
  expect(outcome(column.float(), 'NaN')).toEqual(['"NaN" is not a number']);
  expect(outcome(column.boolean(), 'TRUE')).toBe('true');
  expect(outcome(column.boolean(), 'maybe')).toEqual(['"maybe" is not true or false']);
});

test('a whole number keeps within its bounds, whatever its length', () => {
  const month = column.integer({ min: 1, max: 12, nullValues: ['NA'] });
  expect(['1', '12', '012', 'NA'].map((text) => outcome(month, text))).toEqual(['1', '12', '012', null]);
  expect(outcome(month, '0')).toEqual(['must be at least 1']);
  expect(outcome(month, '13')).toEqual(['must be at most 12']);
  expect(outcome(column.integer({ min: 0 }), '-1')).toEqual(['must not be negative']);
  expect(outcome(month, '0000000000000000000005')).toBe('5');
  expect(outcome(month, '9223372036854775807')).toEqual(['must be at most 12']);
});

test('the PostgreSQL type is known, however a column was refined since', () => {
  expect(postgresTypeOf(column.numeric(18, 2))).toBe('numeric(18,2)');
  expect(postgresTypeOf(column.text().refine((text) => text !== 'x'))).toBe('text');
  expect(postgresTypeOf(column.timestamp().describe('when'))).toBe('timestamptz');
  expect(postgresTypeOf(column.date().readonly())).toBe('date');
  expect(postgresTypeOf(column.float().transform((text) => text))).toBe('double precision');
});

test('a time zone that does not exist is refused when the dataset is made', () => {
  expect(() => column.timestamp({ timeZone: 'Mars/Olympus' })).toThrow();
});

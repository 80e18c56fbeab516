import { idOrNumber, momentText } from '../../../src/wire/text-formats';

test.each([
  ['2026-01-31T12:00:00Z', true],
  ['2026-01-31T12:00:00.123456+05:30', true],
  ['0001-01-01T00:00:00-15:59', true],
  ['2026-01-31T12:00:00', false],
  ['2026-02-30T12:00:00Z', false],
  // PostgreSQL would refuse these.
  ['2026-01-31T12:00:00+16:00', false],
  ['2026-01-31T12:00:00-23:00', false],
  ['0000-01-01T00:00:00Z', false],
])('a moment, %s: %s', (text, isOne) => {
  expect(momentText.safeParse(text).success).toBe(isOne);
});

test.each([
  ['17', true],
  [17, true],
  ['1234567890123456789', false],
  ['-1', false],
  [1.5, false],
])('an id, %s: %s', (id, isOne) => {
  expect(idOrNumber.safeParse(id).success).toBe(isOne);
});

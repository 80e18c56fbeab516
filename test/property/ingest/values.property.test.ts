import fc from 'fast-check';
import { parseDecimal } from '../../../src/domain/columns/decimal';
import { parseTimestamp } from '../../../src/domain/columns/timestamp';

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?$/;
const FIRST = -62135596800000n * 1000n;
const LAST = 253402300800000n * 1000n;

/** The contract's words, put differently: microseconds since 1970, or undefined. */
const reference = (text: string): bigint | undefined => {
  const found = FORM.exec(text);
  if (!found) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const [offsetHours, offsetMinutes] = [Number(found[10] ?? 0), Number(found[11] ?? 0)];
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  date.setUTCHours(hour, minute, second);
  const east = (offsetHours * 60 + offsetMinutes) * (found[9] === '-' ? -1 : 1);
  const micros =
    (BigInt(date.getTime()) - BigInt(east) * 60_000n) * 1000n + BigInt((found[7] ?? '').padEnd(6, '0'));
  return micros >= FIRST && micros < LAST ? micros : undefined;
};

const two = (least: number, most: number): fc.Arbitrary<string> =>
  fc.integer({ min: least, max: most }).map((value) => String(value).padStart(2, '0'));
const maybe = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(fc.constant(''), text);
const joined = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((all) => all.join(''));

const year = fc.oneof(
  fc.constantFrom('0000', '0001', '0002', '1900', '2000', '2024', '9998', '9999'),
  fc.integer({ min: 0, max: 9999 }).map((value) => String(value).padStart(4, '0')),
);
const day = joined(year, fc.constant('-'), two(0, 13), fc.constant('-'), two(0, 32));
const fraction = joined(fc.constant('.'), fc.string({ unit: fc.constantFrom('0', '5', '9'), maxLength: 7 }));
const time = joined(
  fc.constantFrom('T', ' ', 't', ''),
  two(0, 24),
  fc.constant(':'),
  two(0, 60),
  maybe(joined(fc.constant(':'), two(0, 60), maybe(fraction))),
);
const offset = fc.oneof(
  fc.constantFrom('Z', 'z', ' Z'),
  joined(fc.constantFrom('+', '-'), two(0, 24), maybe(joined(fc.constantFrom(':', ''), two(0, 60)))),
);
const timestamp = joined(day, maybe(time), maybe(offset));

test('timestamps agree with a simple reading of the contract', () => {
  fc.assert(
    fc.property(timestamp, (text) => {
      const parsed = parseTimestamp(text, { defaultZone: 'Z' });
      const expected = reference(text);
      expect(typeof parsed === 'string' ? reference(parsed) : undefined).toBe(expected);
      if (typeof parsed === 'string') expect(parsed.endsWith('Z')).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('amounts stay exact, and only those that fit are taken', () => {
  const digits = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom('0', '0', '1', '9', '5'), maxLength });
  const text = fc.tuple(fc.constantFrom('', '-', '+'), digits(20), fc.option(digits(6)));
  fc.assert(
    fc.property(text, ([sign, integer, fraction_]) => {
      const written = `${sign}${integer}${fraction_ === null ? '' : `.${fraction_}`}`;
      const parsed = parseDecimal(written, { precision: 18, scale: 2 });
      const isForm = /^-?\d+(\.\d+)?$/.test(written);
      const scaled = isForm ? BigInt(`${integer}${(fraction_ ?? '').padEnd(6, '0')}`) : 0n;
      const fits = isForm && scaled % 10_000n === 0n && scaled < 10n ** 22n;
      expect(typeof parsed === 'string').toBe(fits);
      if (typeof parsed !== 'string') return;
      const [whole = '', rest = ''] = parsed.replace('-', '').split('.');
      expect(BigInt(`${whole}${rest.padEnd(6, '0')}`)).toBe(scaled);
      expect(parsed.startsWith('-')).toBe(sign === '-' && scaled > 0n);
      expect(parsed).toMatch(/^-?(0|[1-9]\d*)(\.\d?[1-9])?$/);
    }),
    { numRuns: 5000 },
  );
});

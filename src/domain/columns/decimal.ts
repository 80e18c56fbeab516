import { isDigitAt } from './digits';
import { type FieldProblem, invalidValue } from './field-problem';

const MINUS = 45;
const DOT = 46;
const ZERO = 48;

export interface DecimalRule {
  readonly precision: number;
  readonly scale: number;
  /** The least value allowed, a whole number. */
  readonly min?: number | undefined;
}

const endOfDigits = (text: string, from: number): number => {
  let end = from;
  while (isDigitAt(text, end)) end += 1;
  return end;
};

/** Index of the first character from `from` on that isn't a zero. */
const skipZeros = (text: string, from: number, to: number): number => {
  let index = from;
  while (index < to && text.charCodeAt(index) === ZERO) index += 1;
  return index;
};

/** Index after the last character of `[from, to)` that isn't a zero. */
const trimZeros = (text: string, from: number, to: number): number => {
  let index = to;
  while (index > from && text.charCodeAt(index - 1) === ZERO) index -= 1;
  return index;
};

/** The value as an integer of units of the last place, exactly. */
const inLastPlace = (integer: string, fraction: string, scale: number): bigint =>
  BigInt(`${integer}${fraction.padEnd(scale, '0')}` || '0');

const isLess = (negative: boolean, magnitude: bigint, min: number, scale: number): boolean =>
  (negative ? -magnitude : magnitude) < BigInt(min) * 10n ** BigInt(scale);

/**
 * `-?\d+(\.\d+)?` that fits numeric(precision, scale) without rounding: digits beyond the scale must be zeros. The
 * result is the same number in its shortest form (no superfluous zeros, no negative zero), so it is negative exactly
 * when it begins with a minus.
 */
export const parseDecimal = (text: string, rule: DecimalRule): string | FieldProblem => {
  const { precision, scale, min } = rule;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const point = endOfDigits(text, start);
  const hasFraction = text.charCodeAt(point) === DOT;
  const end = hasFraction ? endOfDigits(text, point + 1) : point;
  if (point === start || end !== text.length || (hasFraction && end === point + 1))
    return invalidValue(text, 'a decimal number');
  const integer = text.slice(skipZeros(text, start, point), point);
  const fraction = hasFraction ? text.slice(point + 1, trimZeros(text, point + 1, end)) : '';
  if (fraction.length > scale) return invalidValue(text, `a number of at most ${scale} decimals`);
  if (integer.length > precision - scale)
    return invalidValue(text, `a number of at most ${precision - scale} digits before the point`);
  const negative = start === 1 && (integer !== '' || fraction !== '');
  if (
    min === 0
      ? negative
      : min !== undefined && isLess(negative, inLastPlace(integer, fraction, scale), min, scale)
  )
    return { code: 'INVALID_VALUE', message: min === 0 ? 'must not be negative' : `must be at least ${min}` };
  const shown = fraction === '' ? integer || '0' : `${integer || '0'}.${fraction}`;
  return negative ? `-${shown}` : shown;
};

import { type FieldProblem, invalidValue } from './field-problem';

const INTEGER = /^-?\d+$/;
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const LEAST_BIGINT = -(2n ** 63n);
const GREATEST_BIGINT = 2n ** 63n - 1n;
/** Digits that surely fit, so that the common case needs no BigInt. */
const SAFE_DIGITS = 18;
const GREATEST_DIGITS = 19;

export interface IntegerRule {
  /** The least value allowed. */
  readonly min?: number | undefined;
  /** The greatest value allowed. */
  readonly max?: number | undefined;
}

const outOfRange = (value: number | bigint, { min, max }: IntegerRule): FieldProblem | undefined => {
  if (min !== undefined && value < min)
    return { code: 'INVALID_VALUE', message: min === 0 ? 'must not be negative' : `must be at least ${min}` };
  return max !== undefined && value > max
    ? { code: 'INVALID_VALUE', message: `must be at most ${max}` }
    : undefined;
};

/** A whole number that fits PostgreSQL's bigint. */
export const parseInteger = (text: string, rule: IntegerRule = {}): string | FieldProblem => {
  if (!INTEGER.test(text)) return invalidValue(text, 'a whole number');
  if (text.length <= SAFE_DIGITS) return outOfRange(Number(text), rule) ?? text;
  // Looked at before it is read: a number of a million digits takes its time.
  if (text.replace(/^-?0*/, '').length > GREATEST_DIGITS) return invalidValue(text, 'a bigint');
  const value = BigInt(text);
  if (value < LEAST_BIGINT || value > GREATEST_BIGINT) return invalidValue(text, 'a bigint');
  return outOfRange(value, rule) ?? value.toString();
};

/** A finite number in decimal or scientific notation that fits a double; the digits are kept for PostgreSQL to read. */
export const parseFloat64 = (text: string): string | FieldProblem => {
  const value = FLOAT.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) return invalidValue(text, 'a number');
  // PostgreSQL refuses what is too small for a double, where JavaScript rounds to zero.
  return value === 0 ? '0' : text;
};

const TRUE_WORDS = new Set(['true', 't', '1', 'yes', 'y']);
const FALSE_WORDS = new Set(['false', 'f', '0', 'no', 'n']);

export const parseBoolean = (text: string): string | FieldProblem => {
  const word = text.toLowerCase();
  if (TRUE_WORDS.has(word)) return 'true';
  return FALSE_WORDS.has(word) ? 'false' : invalidValue(text, 'true or false');
};

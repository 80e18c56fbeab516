import type { FieldProblem } from './field-problem';

/**
 * Checks of fields as bytes, for the common forms of good values. A check says yes only where the column's parser gives
 * back the very text it was given, or a beginning of it; whatever it isn't sure of is left to the parser. Bytes are ASCII
 * without the characters that COPY escapes, and at least one.
 */

/** Where what goes into COPY ends (`from` to there); `UNSURE` when the parser has to say. */
export type PlainCheck = (bytes: Uint8Array, from: number, to: number) => number;

export const UNSURE = -1;

const ZERO = 48;
const MINUS = 45;
const DOT = 46;
const COLON = 58;
const SPACE = 32;
const UPPER_T = 84;
const UPPER_Z = 90;
const SAFE_INTEGER_DIGITS = 15;
const DATE_BYTES = 10;
const SECONDS_BYTES = 19;
const MAX_FRACTION_DIGITS = 6;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= ZERO + 9;

const endOfDigits = (bytes: Uint8Array, from: number, to: number): number => {
  let end = from;
  while (end < to && isDigit(bytes[end])) end += 1;
  return end;
};

/** The number of two digits; far out of any range when they aren't. */
const twoDigits = (bytes: Uint8Array, at: number): number => {
  const tens = (bytes[at] as number) - ZERO;
  const ones = (bytes[at + 1] as number) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 1000;
};

const isLongMonth = (month: number, day: number): boolean =>
  day === 31 && (month < 8 ? month % 2 === 1 : month % 2 === 0);

/** From 0100 on; a century of 1000 is no digits. */
const isPlainYear = (century: number, year: number): boolean => century >= 1 && century <= 99 && year <= 99;

/** `YYYY-MM-DD`, without the 29th of February: which years have it, the parser knows. */
const isPlainDate = (bytes: Uint8Array, at: number): boolean => {
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  const isEveryMonths = day >= 1 && (day <= 28 || (day <= 30 && month !== 2) || isLongMonth(month, day));
  return (
    isEveryMonths &&
    month >= 1 &&
    month <= 12 &&
    bytes[at + 4] === MINUS &&
    bytes[at + 7] === MINUS &&
    isPlainYear(twoDigits(bytes, at), twoDigits(bytes, at + 2))
  );
};

export const plainDate: PlainCheck = (bytes, from, to) =>
  to - from === DATE_BYTES && isPlainDate(bytes, from) ? to : UNSURE;

/** Where `YYYY-MM-DD(T| )HH:MM:SS[.f{1,6}]` at `from` ends, or `UNSURE`. */
const endOfTimestamp = (bytes: Uint8Array, from: number, to: number): number => {
  const separator = bytes[from + DATE_BYTES];
  const end = from + SECONDS_BYTES;
  const isTime =
    to >= end &&
    (separator === UPPER_T || separator === SPACE) &&
    twoDigits(bytes, from + 11) <= 23 &&
    bytes[from + 13] === COLON &&
    twoDigits(bytes, from + 14) <= 59 &&
    bytes[from + 16] === COLON &&
    twoDigits(bytes, from + 17) <= 59 &&
    isPlainDate(bytes, from);
  if (!isTime) return UNSURE;
  if (bytes[end] !== DOT || end >= to) return end;
  const endOfFraction = endOfDigits(bytes, end + 1, to);
  const digits = endOfFraction - end - 1;
  return digits >= 1 && digits <= MAX_FRACTION_DIGITS ? endOfFraction : UNSURE;
};

/** A timestamp of UTC with its `Z`. */
export const plainTimestamp: PlainCheck = (bytes, from, to) =>
  bytes[to - 1] === UPPER_Z && endOfTimestamp(bytes, from, to) === to - 1 ? to : UNSURE;

/** A timestamp without a zone. */
export const plainLocalTimestamp: PlainCheck = (bytes, from, to) =>
  endOfTimestamp(bytes, from, to) === to ? to : UNSURE;

/** `-?\d+` that a double holds exactly, within `[min, max]`. */
export const plainInteger =
  (min: number | undefined, max: number | undefined): PlainCheck =>
  (bytes, from, to) => {
    const start = bytes[from] === MINUS ? from + 1 : from;
    if (start === to || to - start > SAFE_INTEGER_DIGITS) return UNSURE;
    let value = 0;
    for (let at = start; at < to; at += 1) {
      if (!isDigit(bytes[at])) return UNSURE;
      value = value * 10 + (bytes[at] as number) - ZERO;
    }
    if (start > from) value = -value;
    return (min === undefined || value >= min) && (max === undefined || value <= max) ? to : UNSURE;
  };

/** Whether from the point on there is `.\d+`. */
const isFraction = (bytes: Uint8Array, point: number, to: number): boolean =>
  bytes[point] === DOT && point + 1 < to && endOfDigits(bytes, point + 1, to) === to;

/** Where a fraction without its last zeros ends: at its point when there are only zeros. */
const endOfFraction = (bytes: Uint8Array, point: number, to: number): number => {
  let end = to;
  while (end > point + 1 && bytes[end - 1] === ZERO) end -= 1;
  return end === point + 1 ? point : end;
};

/**
 * `-?\d+(\.\d+)?` without superfluous zeros before the point, other than zero; superfluous zeros behind it are left
 * off, as the parser does.
 */
export const plainDecimal =
  (precision: number, scale: number, min: number | undefined): PlainCheck =>
  (bytes, from, to) => {
    const isNegative = bytes[from] === MINUS;
    // Only "not negative" can be told from the bytes alone.
    if (min !== undefined && (min !== 0 || isNegative)) return UNSURE;
    const start = isNegative ? from + 1 : from;
    const point = endOfDigits(bytes, start, to);
    const digits = point - start;
    const isZero = bytes[start] === ZERO;
    if (digits < 1 || digits > precision - scale || (isZero && digits > 1)) return UNSURE;
    if (point < to && !isFraction(bytes, point, to)) return UNSURE;
    const end = point === to ? to : endOfFraction(bytes, point, to);
    const isMinusZero = isNegative && isZero && end === point;
    return isMinusZero || end - point - 1 > scale ? UNSURE : end;
  };

/** One of the words exactly. */
export const plainWord = (words: readonly string[]): PlainCheck => {
  const known = words.map((word) => Array.from(word, (character) => character.charCodeAt(0)));
  return (bytes, from, to) => {
    for (const word of known) {
      if (word.length !== to - from) continue;
      let at = 0;
      while (at < word.length && bytes[from + at] === word[at]) at += 1;
      if (at === word.length) return to;
    }
    return UNSURE;
  };
};

/** Text of at most so many bytes. */
export const plainText =
  (maxBytes: number): PlainCheck =>
  (_bytes, from, to) =>
    to - from <= maxBytes ? to : UNSURE;

/** One form of a column's good values. */
export interface PlainForm {
  readonly check: PlainCheck;
  /** What the parser puts behind it; a time zone. */
  readonly ending: string;
}

/** A column as its plain rows are read; only of columns whose schema is a `column` and nothing else. */
export interface PlainColumn {
  readonly isNullable: boolean;
  /** Whether any text is taken as it is, so that its bytes may be any UTF-8. */
  readonly isAnyText: boolean;
  /** None where further texts mean NULL. */
  readonly forms: readonly PlainForm[];
  /** What the schema makes of a text: what goes into COPY, null, or what is wrong with it. */
  readonly read: (text: string) => string | null | FieldProblem;
}

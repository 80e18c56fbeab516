import { startsWithDate } from './calendar-date';
import { isDigitAt, twoDigitsAt } from './digits';
import { type FieldProblem, invalidValue } from './field-problem';

const COLON = 58;
const DOT = 46;
const PLUS = 43;
const MINUS = 45;
const SPACE = 32;
const UPPER_T = 84;
const UPPER_Z = 90;
const MAX_FRACTION_DIGITS = 6;
const MINUTE_MS = 60_000;

const isMinuteOrSecond = (value: number): boolean => value >= 0 && value <= 59;

/** The index after `HH:MM[:SS[.f{1,6}]]` at `index`, or -1. */
const endOfTime = (text: string, index: number): number => {
  const hour = twoDigitsAt(text, index);
  if (!(hour >= 0 && hour <= 23) || text.charCodeAt(index + 2) !== COLON) return -1;
  if (!isMinuteOrSecond(twoDigitsAt(text, index + 3))) return -1;
  if (text.charCodeAt(index + 5) !== COLON) return index + 5;
  if (!isMinuteOrSecond(twoDigitsAt(text, index + 6))) return -1;
  if (text.charCodeAt(index + 8) !== DOT) return index + 8;
  let end = index + 9;
  while (isDigitAt(text, end)) end += 1;
  const digits = end - (index + 9);
  return digits >= 1 && digits <= MAX_FRACTION_DIGITS ? end : -1;
};

/** Minutes east of UTC of an offset `±HH[[:]MM]` that fills the text from `index` to its end, or NaN. */
const offsetMinutes = (text: string, index: number): number => {
  const sign = text.charCodeAt(index) === MINUS ? -1 : 1;
  const hours = twoDigitsAt(text, index + 1);
  if (!(hours <= 23)) return Number.NaN;
  const length = text.length - index;
  if (length === 3) return sign * hours * 60;
  const minutesAt = text.charCodeAt(index + 3) === COLON ? index + 4 : index + 3;
  const minutes = twoDigitsAt(text, minutesAt);
  return minutesAt + 2 === text.length && minutes <= 59 ? sign * (hours * 60 + minutes) : Number.NaN;
};

/** Moves the local time that ends before `end` to UTC; undefined when that leaves the years 0001 to 9999. */
const toUtc = (text: string, end: number, eastMinutes: number): string | undefined => {
  const hasTime = end > 10;
  const local = `${text.slice(0, 10)}T${hasTime ? text.slice(11, 16) : '00:00'}:00Z`;
  const utc = new Date(Date.parse(local) - eastMinutes * MINUTE_MS).toISOString();
  // Outside 0000 to 9999 the ISO form has a sign and six digits.
  if (utc.length !== 24 || utc.startsWith('0000')) return undefined;
  const seconds = end > 16 ? text.slice(16, end) : ':00';
  return `${utc.slice(0, 16)}${seconds}Z`;
};

const FORM = 'a timestamp YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]][Z|±HH[[:]MM]] of a real day';

export interface TimestampRule {
  /** What the text is followed by when it has no offset: `Z`, or a space and the name of a time zone. */
  readonly defaultZone: string;
}

/**
 * `YYYY-MM-DD[(T| )HH:MM[:SS[.f{1,6}]]][Z|±HH[[:]MM]]`, years 0001 to 9999 both as written and in UTC.
 * The result is what PostgreSQL reads as the same instant, to the microsecond: offsets are worked into it here,
 * since PostgreSQL refuses those of 16 hours and more.
 */
export const parseTimestamp = (text: string, rule: TimestampRule): string | FieldProblem => {
  if (!startsWithDate(text)) return invalidValue(text, FORM);
  const separator = text.charCodeAt(10);
  const end = separator === UPPER_T || separator === SPACE ? endOfTime(text, 11) : 10;
  if (end < 0) return invalidValue(text, FORM);
  if (end === text.length) return end === 10 ? `${text}T00:00${rule.defaultZone}` : text + rule.defaultZone;
  const mark = text.charCodeAt(end);
  if (mark === UPPER_Z && end + 1 === text.length) return end === 10 ? `${text.slice(0, 10)}T00:00Z` : text;
  if (mark !== PLUS && mark !== MINUS) return invalidValue(text, FORM);
  const eastMinutes = offsetMinutes(text, end);
  if (Number.isNaN(eastMinutes)) return invalidValue(text, FORM);
  return toUtc(text, end, eastMinutes) ?? invalidValue(text, 'within the years 0001 to 9999 of UTC');
};

/** `YYYY-MM-DD[(T| )HH:MM[:SS[.f{1,6}]]]`: a time on a wall clock, of no zone. */
export const parseLocalTimestamp = (text: string): string | FieldProblem => {
  const form = 'a local time YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]] of a real day';
  if (!startsWithDate(text)) return invalidValue(text, form);
  if (text.length === 10) return `${text}T00:00`;
  const separator = text.charCodeAt(10);
  const isWhole = (separator === UPPER_T || separator === SPACE) && endOfTime(text, 11) === text.length;
  return isWhole ? text : invalidValue(text, form);
};

import { type FieldProblem, invalidValue } from './field-problem';
import { fourDigitsAt, twoDigitsAt } from './digits';

const DASH = 45;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const isLeapYear = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const daysInMonth = (year: number, month: number): number =>
  month === 2 && isLeapYear(year) ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);

/** Whether `text` begins with `YYYY-MM-DD`, a real day of the years 0001 to 9999 (proleptic Gregorian). */
export const startsWithDate = (text: string): boolean => {
  const year = fourDigitsAt(text, 0);
  const month = twoDigitsAt(text, 5);
  const day = twoDigitsAt(text, 8);
  return (
    year >= 1 &&
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(7) === DASH &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month)
  );
};

/** `YYYY-MM-DD` and nothing else. */
export const parseDate = (text: string): string | FieldProblem =>
  text.length === 10 && startsWithDate(text) ? text : invalidValue(text, 'a date YYYY-MM-DD');

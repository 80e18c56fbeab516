import type { Format } from '../definition';

export type Plain = string | number | boolean | null;

const numberOf = (value: Plain | undefined): number | undefined => {
  if (value === null || value === undefined || value === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
};

export interface Formats {
  readonly currency: string | undefined;
}

const money = (currency: string | undefined, digits: number, notation?: 'compact'): Intl.NumberFormat =>
  new Intl.NumberFormat(undefined, {
    ...(currency === undefined ? {} : { style: 'currency', currency }),
    minimumFractionDigits: notation === undefined ? digits : 0,
    maximumFractionDigits: notation === undefined ? digits : 1,
    ...(notation === undefined ? {} : { notation }),
  });

/** A value in full, as tables have it. */
export const formatValue = (value: Plain | undefined, format: Format, { currency }: Formats): string => {
  const number = numberOf(value);
  if (number === undefined) return '–';
  switch (format) {
    case 'money':
      return money(currency, 2).format(number);
    case 'percent':
      return new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 2 }).format(number);
    case 'number':
      return new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(number);
  }
};

/** A value in short, as axes and figures have it. */
export const formatShort = (value: Plain | undefined, format: Format, { currency }: Formats): string => {
  const number = numberOf(value);
  if (number === undefined) return '–';
  switch (format) {
    case 'money':
      return Math.abs(number) < 10_000
        ? money(currency, number % 1 === 0 ? 0 : 2).format(number)
        : money(currency, 0, 'compact').format(number);
    case 'percent':
      return new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 }).format(number);
    case 'number':
      return new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 }).format(
        number,
      );
  }
};

/** A count, with thousands apart. */
export const count = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : new Intl.NumberFormat().format(value);

/** `2026-01-01` as `Jan 2026`, or a day. */
export const formatPeriod = (period: string, grain: 'day' | 'month'): string => {
  const date = new Date(`${period.slice(0, 10)}T00:00:00Z`);
  const options: Intl.DateTimeFormatOptions =
    grain === 'month'
      ? { month: 'short', year: 'numeric' }
      : { day: 'numeric', month: 'short', year: 'numeric' };
  return new Intl.DateTimeFormat(undefined, { ...options, timeZone: 'UTC' }).format(date);
};

/** PostgreSQL writes `2026-01-31 12:00:00+00`. */
export const dateOf = (time: string): Date =>
  new Date(time.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));

export const formatTime = (time: string | null | undefined): string =>
  time === null || time === undefined
    ? '–'
    : new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }).format(dateOf(time));

export const formatDay = (time: string): string =>
  new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' }).format(dateOf(time));

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** `3 minutes ago`. */
export const formatAgo = (time: string, now = Date.now()): string => {
  const seconds = (dateOf(time).getTime() - now) / 1_000;
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
  for (const [unit, size] of UNITS)
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  return relative.format(Math.min(0, Math.round(seconds)), 'second');
};

/** `0.4 s`, `2 min 10 s`. */
export const formatSpan = (ms: number | null | undefined): string => {
  if (ms === null || ms === undefined) return '–';
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${(ms / 86_400_000).toFixed(1)} days`;
};

export const fileName = (file: string): string => file.split(/[\\/]/).at(-1) ?? file;

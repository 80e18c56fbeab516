export type Period = 'month' | 'day';

/** `[from, to)` as `YYYY-MM-DD`. */
export interface PeriodRange {
  readonly from: string;
  readonly to: string;
}

/** The start of the period after the one that starts on this day. */
export const nextPeriod = (start: string, period: Period): string => {
  const [year = 0, month = 1, day = 1] = start.split('-').map(Number);
  const next = new Date(0);
  next.setUTCFullYear(year, period === 'month' ? month : month - 1, period === 'month' ? 1 : day + 1);
  const padded = [String(next.getUTCFullYear()).padStart(4, '0'), next.getUTCMonth() + 1, next.getUTCDate()];
  return padded.map((part) => String(part).padStart(2, '0')).join('-');
};

/** Periods as ranges, oldest first; neighbours are joined. */
export const periodRanges = (starts: readonly string[], period: Period): PeriodRange[] => {
  const ranges: { from: string; to: string }[] = [];
  for (const from of [...new Set(starts)].toSorted()) {
    const last = ranges.at(-1);
    if (last?.to === from) last.to = nextPeriod(from, period);
    else ranges.push({ from, to: nextPeriod(from, period) });
  }
  return ranges;
};

/**
 * A query of the starts of the UTC periods (column `period`, `YYYY-MM-DD`) that the one column of `query`, of dates or times,
 * lies in. First the days, by mere arithmetic: the calendar is asked for each of them, and not for each row.
 * (Not before the origin: there `date_bin` of older releases of PostgreSQL 15 and 16 takes a midnight for the day before.)
 */
export const periodsOf = (period: Period, query: string): string =>
  `select distinct date_trunc('${period}', day at time zone 'UTC')::date::text as period
from (
  select distinct case when x::timestamptz < '2000-01-01 00:00:00+00' then date_trunc('day', x::timestamptz, 'UTC')
    else date_bin('1 day', x::timestamptz, '2000-01-01 00:00:00+00') end as day
  from (${query}) as times(x) where x is not null
) as days
order by 1`;

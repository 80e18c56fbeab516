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

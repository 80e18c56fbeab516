/** UTC instants as milliseconds; the demo's three years and the month after them. */
export const DAY_MS = 86_400_000;
export const HISTORY_FROM = Date.UTC(2023, 9, 1);
export const HISTORY_TO = Date.UTC(2026, 9, 1);
export const BATCHES_TO = Date.UTC(2026, 9, 20);

/** Starts of the months in `[from, to)`. */
export const monthsBetween = (from: number, to: number): number[] => {
  const first = new Date(from);
  const months: number[] = [];
  for (let i = 0; ; i += 1) {
    const month = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + i, 1);
    if (month >= to) return months;
    months.push(month);
  }
};

export const nextMonth = (month: number): number => {
  const date = new Date(month);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
};

/** `2024-02-29T12:30:00Z` */
export const instantText = (instant: number): string => `${new Date(instant).toISOString().slice(0, 19)}Z`;

/** `2024-02-29` */
export const dayText = (instant: number): string => new Date(instant).toISOString().slice(0, 10);

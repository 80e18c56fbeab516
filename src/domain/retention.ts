const MONTHS = /^(\d{1,4}) months?$/;

/** `24 months` as a number; undefined where it is none. */
export const retentionMonths = (text: string): number | undefined => {
  const months = Number(MONTHS.exec(text)?.[1] ?? 0);
  return months > 0 ? months : undefined;
};

/** The first day of the month that lies so many months before that of `today`: what is older is past the retention. */
export const monthsBefore = (today: string, retention: string): string => {
  const [year, month] = today.split('-').map(Number) as [number, number];
  const at = year * 12 + (month - 1) - (retentionMonths(retention) ?? 0);
  return `${String(Math.floor(at / 12)).padStart(4, '0')}-${String((at % 12) + 1).padStart(2, '0')}-01`;
};

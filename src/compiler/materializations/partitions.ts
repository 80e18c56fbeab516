import { quoteIdentifier, relationSql, sqlLiteral } from '../identifiers';
import type { RelationName } from '../manifest';
import { periodsOf } from '../periods';

/** Months `[from, to)` as `YYYY-MM-01`. */
export interface PartitionRange {
  readonly suffix: string;
  readonly from: string;
  readonly to: string;
}

const FIRST_MONTHLY_YEAR = 1990;
const MONTHLY_YEARS_AHEAD = 5;
/** Of relations that get rows of these days: this month and so many more have their partitions before the first row. */
const MONTHS_MADE_AHEAD = 2;

const monthStart = (year: number, month: number): string =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`;

const yearMonth = (period: string): { year: number; month: number } => {
  const [year, month] = period.split('-').map(Number);
  return { year: year as number, month: month as number };
};

/** A month of its own between 1990 and five years from now; else one partition a century, so that odd dates stay few. */
const rangeFor = (period: string, currentYear: number): PartitionRange => {
  const { year, month } = yearMonth(period);
  const endOfMonthly = currentYear + MONTHLY_YEARS_AHEAD + 1;
  if (year >= FIRST_MONTHLY_YEAR && year < endOfMonthly) {
    const to = month === 12 ? monthStart(year + 1, 1) : monthStart(year, month + 1);
    return {
      suffix: monthStart(year, month).slice(0, 7).replace('-', '_'),
      from: monthStart(year, month),
      to,
    };
  }
  const century = Math.floor(year / 100) * 100;
  const first = year < FIRST_MONTHLY_YEAR ? Math.max(century, 1) : Math.max(century, endOfMonthly);
  const last = year < FIRST_MONTHLY_YEAR ? Math.min(century + 100, FIRST_MONTHLY_YEAR) : century + 100;
  const pad = (y: number): string => String(y).padStart(4, '0');
  return { suffix: `y${pad(first)}_y${pad(last)}`, from: monthStart(first, 1), to: monthStart(last, 1) };
};

/** The range that a partition's name stands for; undefined for one that strata did not name. */
export const rangeOfName = (
  table: string,
  partition: string,
): { readonly from: string; readonly to: string } | undefined => {
  const suffix = partition.startsWith(`${table}_`) ? partition.slice(table.length + 1) : '';
  const month = /^(\d{4})_(\d{2})$/.exec(suffix);
  if (month) {
    const [year, number] = [Number(month[1]), Number(month[2])];
    return {
      from: monthStart(year, number),
      to: number === 12 ? monthStart(year + 1, 1) : monthStart(year, number + 1),
    };
  }
  const years = /^y(\d{4,})_y(\d{4,})$/.exec(suffix);
  return years ? { from: monthStart(Number(years[1]), 1), to: monthStart(Number(years[2]), 1) } : undefined;
};

/** `YYYY-MM-01` in an order that also holds for years of five digits. */
export const monthOrdinal = (period: string): number => {
  const { year, month } = yearMonth(period);
  return year * 12 + month;
};

/** Whether a month lies in `[from, to)`. */
export const isWithin = (
  month: string,
  { from, to }: { readonly from: string; readonly to: string },
): boolean => {
  const at = monthOrdinal(month);
  return monthOrdinal(from) <= at && at < monthOrdinal(to);
};

/** The partitions to be made so that each of `months` has its place beside those that exist. */
export const missingPartitions = (
  table: string,
  existing: readonly string[],
  months: readonly string[],
  currentYear: number,
): PartitionRange[] => {
  const covered = existing.flatMap((name) => rangeOfName(table, name) ?? []);
  const made: PartitionRange[] = [];
  for (const month of months) {
    const isCovered = [...covered, ...made].some((range) => isWithin(month, range));
    if (!isCovered) made.push(rangeFor(month, currentYear));
  }
  return made;
};

const monthAfter = (period: string, months: number): string => {
  const at = monthOrdinal(period) - 1 + months;
  return monthStart(Math.floor(at / 12), (at % 12) + 1);
};

/** Months to come of a relation that has last month's rows, or newer ones; one of old data gets none. */
export const monthsAhead = (
  table: string,
  existing: readonly string[],
  currentMonth: string,
): readonly string[] => {
  const isCurrent = existing.some((name) => {
    const range = rangeOfName(table, name);
    const now = monthOrdinal(currentMonth);
    return range !== undefined && monthOrdinal(range.from) <= now && now <= monthOrdinal(range.to);
  });
  if (!isCurrent) return [];
  return Array.from({ length: MONTHS_MADE_AHEAD + 1 }, (_, i) => monthAfter(currentMonth, i));
};

/** As `for values` takes them. */
export const boundsOf = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  `for values from (${sqlLiteral(`${from} 00:00:00+00`)}) to (${sqlLiteral(`${to} 00:00:00+00`)})`;

/** Made beside and attached: other than `partition of`, that lets readers of the parent go on until the commit. */
export const createPartition = (parent: RelationName, range: PartitionRange): string[] => {
  const partition = relationSql({ schema: parent.schema, name: `${parent.name}_${range.suffix}` });
  return [
    `create table ${partition} (like ${relationSql(parent)} including all)`,
    `alter table ${relationSql(parent)} attach partition ${partition} ${boundsOf(range)}`,
  ];
};

/** The UTC months of a column in a relation, as `YYYY-MM-01`. */
export const monthsOf = (from: string, field: string): string =>
  periodsOf('month', `select ${quoteIdentifier(field)} from ${from}`);

import type { ChartRowsView, ChartView } from '../routes/charts';
import type { Plain } from './format';

export interface ChartSeries {
  readonly title: string;
  /** The value of `split` that it is of. */
  readonly key: string | undefined;
  /** The column that it is. */
  readonly column: string | undefined;
  readonly isNegative: boolean;
  readonly isLine: boolean;
  readonly values: readonly (number | null)[];
  /** As the database has them. */
  readonly exact: readonly Plain[];
}

export interface ChartData {
  readonly periods: readonly string[];
  readonly series: readonly ChartSeries[];
}

const asNumber = (value: Plain | undefined): number | null => {
  if (value === null || value === undefined) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
};

const seriesOf = (title: string, exact: readonly Plain[], more: Partial<ChartSeries> = {}): ChartSeries => ({
  title,
  key: undefined,
  column: undefined,
  isNegative: false,
  isLine: false,
  ...more,
  exact,
  values: exact.map(asNumber),
});

const splitSeries = (
  chart: ChartView,
  { columns, rows }: ChartRowsView,
  periods: readonly string[],
): ChartSeries[] => {
  const at = (name: string | undefined): number => columns.indexOf(name ?? '');
  const [time, split, value] = [at(chart.time), at(chart.split), at(chart.value)];
  const byKey = new Map<string, Map<string, Plain>>();
  for (const row of rows) {
    const key = String(row[split] ?? 'none');
    const values = byKey.get(key) ?? new Map<string, Plain>();
    values.set(String(row[time]), row[value] ?? null);
    byKey.set(key, values);
  }
  return [...byKey.keys()].sort().map((key) =>
    seriesOf(
      key,
      periods.map((period) => byKey.get(key)?.get(period) ?? null),
      { key },
    ),
  );
};

/** What is drawn of a chart's rows: a list of periods, and of each series a value for each of them. */
export const chartData = (chart: ChartView, answer: ChartRowsView): ChartData => {
  const { columns, rows } = answer;
  const time = columns.indexOf(chart.time);
  const periods = [...new Set(rows.map((row) => String(row[time])))];
  if (chart.series === undefined) return { periods, series: splitSeries(chart, answer, periods) };
  const series = chart.series.map(({ column, title = column, negative, line }) => {
    const index = columns.indexOf(column);
    return seriesOf(
      title,
      rows.map((row) => row[index] ?? null),
      { column, isNegative: negative, isLine: line },
    );
  });
  return { periods, series };
};

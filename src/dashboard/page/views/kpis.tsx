import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChartRowsView, ChartView as ChartShape, FigureView, PageView } from '../../routes/charts';
import { withQuery } from '../api';
import { type ChartData, chartData, type ChartSeries } from '../chart-data';
import { Failure, Loaded, Panel, Table } from '../components/basics';
import { ChartView } from '../components/chart';
import { formatPeriod, formatShort, formatValue, type Formats } from '../format';
import { go, href, type Route } from '../router';
import { useResource } from '../use-resource';

const RANGES = [
  ['3', '3 mo'],
  ['6', '6 mo'],
  ['12', '1 yr'],
  ['24', '2 yr'],
  ['all', 'All'],
] as const;

interface Range {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const firstOfMonth = (date: Date, monthsBack: number): string =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - monthsBack, 1)).toISOString().slice(0, 10);

/** Whole months that end with the last one that has figures, which needn't be this one. */
const rangeOf = (query: URLSearchParams, newest: string | undefined): Range => {
  const [from, to] = [query.get('from') ?? undefined, query.get('to') ?? undefined];
  if (from !== undefined || to !== undefined) return { from, to };
  const months = Number(query.get('months') ?? '12');
  if (!Number.isFinite(months) || newest === undefined) return { from: undefined, to: undefined };
  return { from: firstOfMonth(new Date(`${newest}T00:00:00Z`), months - 1), to: undefined };
};

const PeriodPicker = ({
  query,
  range,
}: {
  readonly query: URLSearchParams;
  readonly range: Range;
}): JSX.Element => {
  const chosen = query.has('from') || query.has('to') ? 'custom' : (query.get('months') ?? '12');
  const setDay = (name: 'from' | 'to', day: string): void =>
    go(href(['kpis'], { from: range.from, to: range.to, [name]: day }));
  return (
    <div class="picker" role="group" aria-label="Period">
      <div class="segments">
        {RANGES.map(([months, title]) => (
          <a
            key={months}
            href={href(['kpis'], { months })}
            class={chosen === months ? 'chosen' : ''}
            aria-current={chosen === months ? 'true' : undefined}
          >
            {title}
          </a>
        ))}
      </div>
      <label>
        From
        <input type="date" value={range.from ?? ''} onChange={(e) => setDay('from', e.currentTarget.value)} />
      </label>
      <label>
        to before
        <input type="date" value={range.to ?? ''} onChange={(e) => setDay('to', e.currentTarget.value)} />
      </label>
    </div>
  );
};

const Change = ({ figure }: { readonly figure: FigureView }): JSX.Element | null => {
  const [before, now] = figure.periods
    .slice(-2)
    .map(({ value }) => (value === null ? undefined : Number(value)));
  if (before === undefined || now === undefined || before === 0) return <span class="change">–</span>;
  const share = (now - before) / Math.abs(before);
  const direction = share > 0 ? 'up' : share < 0 ? 'down' : 'same';
  const tone =
    figure.better === undefined || direction === 'same' ? '' : direction === figure.better ? 'good' : 'bad';
  const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 }).format(
    Math.abs(share),
  );
  const arrow = direction === 'up' ? '▲' : direction === 'down' ? '▼' : '■';
  return (
    <span class={`change ${tone}`}>
      <span aria-hidden="true">{arrow}</span>
      <span class="unseen">{direction === 'same' ? 'unchanged' : direction}</span> {percent}
    </span>
  );
};

/** The last periods as a small line, for the eye only: the chart below has the values. */
const Spark = ({ figure }: { readonly figure: FigureView }): JSX.Element | null => {
  const values = figure.periods.map(({ value }) => Number(value ?? Number.NaN)).filter(Number.isFinite);
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, index) => {
    const y = high === low ? 12 : 22 - ((value - low) / (high - low)) * 20;
    return `${((index / (values.length - 1)) * 96 + 2).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  );
};

const Figures = ({
  figures,
  formats,
}: {
  readonly figures: readonly FigureView[];
  readonly formats: Formats;
}) => (
  <dl class="figures">
    {figures.map((figure) => {
      const last = figure.periods.at(-1);
      return (
        <div class="panel figure" key={figure.id}>
          <dt>{figure.title}</dt>
          <dd>
            <strong data-figure={figure.id} title={formatValue(last?.value ?? null, figure.format, formats)}>
              {formatShort(last?.value ?? null, figure.format, formats)}
            </strong>
            <Change figure={figure} />
            <small>{last === undefined ? 'no data yet' : formatPeriod(last.period, 'month')}</small>
            <Spark figure={figure} />
          </dd>
        </div>
      );
    })}
  </dl>
);

/** Where a value leads: to its facts, or to whom it is made of. */
type CellLink = (period: string, series: ChartSeries) => string | undefined;

const cellLink = ({ id, facts }: ChartShape): CellLink | undefined => {
  if (!facts) return undefined;
  const { of } = facts;
  if (!of) return (period, { key }) => href(['facts'], { chart: id, period, series: key });
  return (period, { column }) =>
    column !== undefined && of.series[column]
      ? href(['parts'], { chart: id, period, series: column })
      : undefined;
};

const ChartTable = (props: {
  readonly chart: ChartShape;
  readonly data: ChartData;
  readonly formats: Formats;
  readonly cell: CellLink | undefined;
}): JSX.Element => {
  const { chart, data, formats, cell } = props;
  const rows = data.periods.map((period, index) => ({ period, index })).reverse();
  return (
    <Table
      label={`${chart.title} as a table`}
      rows={rows}
      keyOf={(row) => row.period}
      columns={[
        {
          title: chart.grain === 'day' ? 'Day' : 'Month',
          cell: (row) => formatPeriod(row.period, chart.grain),
        },
        ...data.series.map((series) => ({
          title: series.title,
          isNumber: true,
          cell: ({ period, index }: { period: string; index: number }) => {
            const text = formatValue(series.exact[index] ?? null, chart.format, formats);
            const to = series.exact[index] == null ? undefined : cell?.(period, series);
            return to === undefined ? text : <a href={to}>{text}</a>;
          },
        })),
      ]}
    />
  );
};

const ChartPanel = (props: {
  readonly chart: ChartShape;
  readonly range: Range;
  readonly formats: Formats;
}): JSX.Element => {
  const { chart, range, formats } = props;
  const [isTable, setTable] = useState(false);
  const topic = chart.relation === null ? 'data' : `data ${chart.relation}`;
  const path = withQuery(`/charts/${chart.id}`, { ...range });
  const resource = useResource<ChartRowsView>(path, [topic]);
  const cell = cellLink(chart);
  const pick = (period: string, series: ChartSeries): void => {
    const to = cell?.(period, series);
    if (to !== undefined) go(to);
  };
  return (
    <Panel
      title={chart.title}
      note={chart.description}
      class={chart.grain === 'day' ? 'wide' : ''}
      tools={
        <>
          <button type="button" class="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
            Table
          </button>
          <a
            class="button quiet"
            href={`/api/v1${withQuery(`/charts/${chart.id}/csv`, { ...range })}`}
            download
          >
            CSV
          </a>
        </>
      }
    >
      <Loaded resource={resource}>
        {(answer) => {
          const data = chartData(chart, answer);
          if (data.periods.length === 0) return <p class="empty">No data in this period.</p>;
          return isTable ? (
            <ChartTable chart={chart} data={data} formats={formats} cell={cell} />
          ) : (
            <ChartView
              label={chart.title}
              periods={data.periods}
              series={data.series}
              kind={chart.kind}
              grain={chart.grain}
              format={chart.format}
              formats={formats}
              onPick={cell && pick}
            />
          );
        }}
      </Loaded>
    </Panel>
  );
};

/** Figures and charts over the marts, as `dashboard.yml` has them. */
export const Kpis = ({ route }: { readonly route: Route }): JSX.Element => {
  const page = useResource<PageView>('/dashboard', ['reset']);
  const figures = useResource<{ items: FigureView[] }>('/figures', ['data']);
  if (page.error) return <Failure error={page.error} />;
  if (!page.data) return <p class="empty">Loading …</p>;
  const { charts, currency } = page.data;
  const newest = figures.data?.items[0]?.periods.at(-1)?.period;
  const range = rangeOf(route.query, newest);
  const formats = { currency };
  if (charts.length === 0 && page.data.figures.length === 0)
    return (
      <p class="empty">
        This project has no dashboard.yml: docs/dashboard.md shows how its marts become figures and charts.
      </p>
    );
  return (
    <>
      {figures.error ? <Failure error={figures.error} /> : null}
      {figures.data ? <Figures figures={figures.data.items} formats={formats} /> : null}
      <PeriodPicker query={route.query} range={range} />
      <div class="grid">
        {figures.data
          ? charts.map((chart) => <ChartPanel key={chart.id} chart={chart} range={range} formats={formats} />)
          : null}
      </div>
    </>
  );
};

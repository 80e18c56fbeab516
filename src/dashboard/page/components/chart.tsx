import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  type ChartDataset,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Format } from '../../definition';
import { formatPeriod, formatShort, formatValue, type Formats } from '../format';
import type { ChartSeries } from '../chart-data';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

export interface ChartProps {
  readonly label: string;
  readonly periods: readonly string[];
  readonly series: readonly ChartSeries[];
  readonly kind: 'bar' | 'stacked' | 'line';
  readonly grain: 'day' | 'month';
  readonly format: Format;
  readonly formats: Formats;
  readonly onPick?: ((period: string, series: ChartSeries) => void) | undefined;
}

const styleOf = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const COLOURS = 6;
export const colourOf = ({ isNegative }: ChartSeries, index: number): string =>
  styleOf(isNegative ? `--lost-${(index % 2) + 1}` : `--series-${(index % COLOURS) + 1}`);

const datasetsOf = ({
  series,
  kind,
  periods,
}: ChartProps): ChartDataset<'bar' | 'line', (number | null)[]>[] =>
  series.map((one, index) => {
    const colour = colourOf(one, index);
    const data = one.values.map((value) => (value === null ? null : one.isNegative ? -value : value));
    if (kind !== 'line' && !one.isLine)
      return {
        type: 'bar',
        label: one.title,
        data,
        backgroundColor: colour,
        maxBarThickness: 28,
        borderRadius: 2,
      };
    return {
      type: 'line',
      label: one.title,
      data,
      borderColor: colour,
      backgroundColor: `${colour}22`,
      fill: series.length === 1,
      borderWidth: 2,
      cubicInterpolationMode: 'monotone',
      pointRadius: periods.length === 1 ? 3 : 0,
      pointHitRadius: 12,
      pointHoverRadius: 4,
      spanGaps: false,
    };
  });

const configOf = (props: ChartProps): ChartConfiguration<'bar' | 'line', (number | null)[], string> => {
  const { periods, kind, grain, format, formats, series, onPick } = props;
  const [text, grid] = [styleOf('--muted'), styleOf('--line')];
  const isStacked = kind === 'stacked';
  return {
    type: kind === 'line' ? 'line' : 'bar',
    data: { labels: [...periods], datasets: datasetsOf(props) },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      onClick: (event, _elements, chart) => {
        const [hit] = chart.getElementsAtEventForMode(
          event as unknown as Event,
          'nearest',
          { intersect: true },
          false,
        );
        const period = hit && periods[hit.index];
        const picked = hit && series[hit.datasetIndex];
        if (period !== undefined && picked) onPick?.(period, picked);
      },
      scales: {
        x: {
          stacked: isStacked,
          grid: { display: false },
          border: { color: grid },
          ticks: {
            color: text,
            maxRotation: 0,
            autoSkipPadding: 14,
            callback: (_value, index) => formatPeriod(periods[index] ?? '', grain),
          },
        },
        y: {
          stacked: isStacked,
          beginAtZero: kind !== 'line',
          grid: { color: grid },
          border: { display: false },
          ticks: { color: text, maxTicksLimit: 6, callback: (value) => formatShort(value, format, formats) },
        },
      },
      plugins: {
        legend: {
          display: series.length > 1,
          labels: { color: text, boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 2 },
        },
        tooltip: {
          callbacks: {
            title: ([item]) => formatPeriod(item?.label ?? '', grain),
            label: ({ dataset, parsed }) => ` ${dataset.label}: ${formatValue(parsed.y, format, formats)}`,
          },
        },
      },
    },
  };
};

/** Says in a sentence what the chart shows; the table beside has it all. */
const summaryOf = ({ label, periods, series, format, formats, grain }: ChartProps): string => {
  const last = periods.at(-1);
  if (last === undefined) return `${label}: no data`;
  const values = series.map(
    ({ title, values: all }) => `${title} ${formatValue(all.at(-1) ?? null, format, formats)}`,
  );
  return `${label}, ${periods.length} periods; ${formatPeriod(last, grain)}: ${values.join(', ')}`;
};

/** Colours follow the theme (theme.ts): a chart is drawn anew when that changes. */
const onThemeChange = (listener: () => void): (() => void) => {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    observer.disconnect();
  };
};

export const ChartView = (props: ChartProps): JSX.Element => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart<'bar' | 'line', (number | null)[], string>>(undefined);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const draw = (): void => {
      chart.current?.destroy();
      if (canvas.current) chart.current = new Chart(canvas.current, configOf(latest.current));
    };
    draw();
    const stop = onThemeChange(draw);
    return () => {
      stop();
      chart.current?.destroy();
    };
  }, []);
  useEffect(() => {
    if (!chart.current) return;
    const { data, options } = configOf(props);
    chart.current.data = data;
    if (options) chart.current.options = options;
    chart.current.update('none');
  }, [props.periods, props.series, props.kind]);
  return (
    <div class={`chart ${props.onPick ? 'pickable' : ''}`}>
      <canvas ref={canvas} role="img" aria-label={summaryOf(props)} />
    </div>
  );
};

import type { JSX } from 'preact';
import type { PageView } from '../../routes/charts';
import { dateOf, formatDay, formatValue } from '../format';

type Row = Readonly<Record<string, unknown>>;

export interface TimelineProps {
  readonly explore: NonNullable<PageView['explore']>;
  readonly versions: readonly Row[];
  readonly facts: readonly Row[];
  readonly currency: string | undefined;
}

const [WIDTH, BAR_Y, BAR, DOTS] = [1_000, 96, 30, 84];
const COLOURS = 6;

const at = (value: unknown): number => dateOf(String(value)).getTime();

/** Years, or months where there are few. */
const ticksOf = (from: number, to: number): { time: number; label: string }[] => {
  const first = new Date(from);
  const isLong = to - from > 2 * 365 * 86_400_000;
  const step = isLong ? 12 : Math.max(1, Math.ceil((to - from) / (30 * 86_400_000) / 8));
  const ticks = [];
  for (let n = 0; n < 60; n += 1) {
    const month = (isLong ? 0 : first.getUTCMonth()) + n * step;
    const time = Date.UTC(first.getUTCFullYear(), month, 1);
    if (time > to) break;
    if (time < from) continue;
    const format = new Intl.DateTimeFormat(undefined, {
      year: 'numeric',
      ...(isLong ? {} : { month: 'short' }),
      timeZone: 'UTC',
    });
    ticks.push({ time, label: format.format(time) });
  }
  return ticks;
};

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly x: (time: number) => number;
}

const scaleOf = ({ explore, versions, facts }: TimelineProps): Scale => {
  const times = [
    ...versions.map((row) => at(row[explore.history.from])),
    ...versions.flatMap((row) => (row[explore.history.to] == null ? [] : [at(row[explore.history.to])])),
    ...facts.map((row) => at(row[explore.facts.time])),
  ].filter(Number.isFinite);
  const from = Math.min(...times);
  // The last version goes on: a little more than what is known of it.
  const to = Math.max(...times) + Math.max(86_400_000, (Math.max(...times) - from) * 0.04);
  return { from, to, x: (time) => ((time - from) / (to - from)) * WIDTH };
};

const Bars = ({ explore, versions }: TimelineProps, { x, to }: Scale): JSX.Element[] => {
  const { from, to: end, tracked, version } = explore.history;
  const [first] = tracked;
  const values = [...new Set(versions.map((row) => String(row[first ?? ''])))];
  return versions.map((row) => {
    const [start, stop] = [x(at(row[from])), x(row[end] == null ? to : at(row[end]))];
    const label = tracked.map((column) => String(row[column] ?? '–')).join(', ');
    const colour = (values.indexOf(String(row[first ?? ''])) % COLOURS) + 1;
    return (
      <g key={String(row[version])}>
        <title>{`${formatDay(String(row[from]))} to ${row[end] == null ? 'now' : formatDay(String(row[end]))}: ${label}`}</title>
        <rect
          x={start}
          y={BAR_Y}
          width={Math.max(2, stop - start - 2)}
          height={BAR}
          rx="4"
          class={`bar series-${colour}`}
        />
        {stop - start > 80 ? (
          <text x={start + 8} y={BAR_Y + 20} class="on-bar">
            {label.slice(0, Math.floor((stop - start) / 8))}
          </text>
        ) : null}
      </g>
    );
  });
};

const Dots = ({ explore, facts, currency }: TimelineProps, { x }: Scale): JSX.Element[] => {
  const { key, time, value } = explore.facts;
  const amounts = facts.map((row) => Math.abs(Number(row[value] ?? 0)));
  const most = Math.max(1, ...amounts);
  return facts.map((row, index) => {
    const height = ((amounts[index] ?? 0) / most) * (DOTS - 14) + 4;
    const amount = Number(row[value] ?? 0);
    const left = x(at(row[time]));
    return (
      <g key={String(row[key])} class={amount < 0 ? 'lost' : ''}>
        <title>{`${formatDay(String(row[time]))}: ${formatValue(amount, 'money', { currency })}`}</title>
        <line x1={left} x2={left} y1={BAR_Y - 4} y2={BAR_Y - 4 - height} class="stem" />
        <circle cx={left} cy={BAR_Y - 4 - height} r="3.5" class="dot" />
      </g>
    );
  });
};

/** Versions as bars along the time, and each fact as a stem on the version that it has. */
export const Timeline = (props: TimelineProps): JSX.Element => {
  const scale = scaleOf(props);
  const label = `${props.versions.length} versions and ${props.facts.length} facts along the time; the tables have them all`;
  return (
    <div class="scroll timeline" tabIndex={0} role="region" aria-label="Timeline">
      <svg viewBox={`0 0 ${WIDTH} 156`} role="img" aria-label={label}>
        {Dots(props, scale)}
        {Bars(props, scale)}
        {ticksOf(scale.from, scale.to).map(({ time, label: tick }) => (
          <text key={time} x={scale.x(time)} y="148" class="tick">
            {tick}
          </text>
        ))}
      </svg>
    </div>
  );
};

/** What a run of the bench came to, as JSON and as a table. */
import { availableParallelism, totalmem } from 'node:os';

/** A figure beside what it is measured against; medians. Seconds, unless it says otherwise. */
export interface Figure {
  readonly part: string;
  readonly name: string;
  readonly unit: 's' | 'ms' | 'rows/s';
  /** What the ratio (of an absolute goal: the figure itself) is to be: the target at most; at least. */
  readonly goal: 'at most' | 'at least' | 'times faster';
  readonly strata: number;
  readonly floor: number | null;
  readonly target: number;
  readonly runs: readonly { readonly strata: number; readonly floor: number | null }[];
  readonly steps?: unknown;
}

/** strata / floor; how many times faster it is: floor / strata. */
export const ratioOf = ({ strata, floor, goal }: Figure): number | null => {
  if (floor === null) return null;
  return goal === 'times faster' ? floor / strata : strata / floor;
};

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
};

export const figureOf = (
  about: Pick<Figure, 'part' | 'name' | 'unit' | 'goal' | 'target'>,
  runs: readonly { readonly strata: number; readonly floor: number | null }[],
  steps?: unknown,
): Figure => {
  const floors = runs.flatMap(({ floor }) => (floor === null ? [] : [floor]));
  return {
    ...about,
    strata: median(runs.map((r) => r.strata)),
    floor: floors.length === 0 ? null : median(floors),
    runs,
    ...(steps === undefined ? {} : { steps }),
  };
};

/** A figure that is measured against nothing: its goal is absolute. */
export const figureAlone = (
  about: Parameters<typeof figureOf>[0],
  values: readonly number[],
  steps?: unknown,
): Figure =>
  figureOf(
    about,
    values.map((strata) => ({ strata, floor: null })),
    steps,
  );

export const isMet = (figure: Figure): boolean => {
  const measured = ratioOf(figure) ?? figure.strata;
  return figure.goal === 'at most' ? measured <= figure.target : measured >= figure.target;
};

const shown = (value: number | null, unit: Figure['unit']): string => {
  if (value === null) return '–';
  return unit === 'rows/s' ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
};

export const machineOf = (): Record<string, unknown> => ({
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  node: process.version,
});

const GOAL_UNITS = { s: ' s', 'at most': '', 'at least': '', 'times faster': ' ×' } as const;

/** A table in Markdown. */
export const tableOf = (figures: readonly Figure[]): string =>
  [
    '| part | figure | unit | strata | floor | ratio | target | |',
    '|---|---|---|---|---|---|---|---|',
    ...figures.map((f) => {
      const ratio = ratioOf(f);
      const goal = `${f.goal === 'at most' ? '≤' : '≥'} ${f.target}${GOAL_UNITS[ratio === null ? 's' : f.goal]}`;
      const cells = [f.part, f.name, f.unit, shown(f.strata, f.unit), shown(f.floor, f.unit)];
      return `| ${[...cells, ratio?.toFixed(2) ?? '–', goal, isMet(f) ? 'met' : 'not met'].join(' | ')} |`;
    }),
  ].join('\n');

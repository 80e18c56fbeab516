import type { NodeResult } from '../wire/transform';

const SHOWN_PERIODS = 4;
const LABEL_WIDTH = 30;
const MAX_LABEL_WIDTH = 60;
const MATERIALIZED_WIDTH = 11;

export const seconds = (durationMs: number): string => `${(durationMs / 1000).toFixed(2)}s`;

/** `2024-01` for a period that starts a month in a list of months, else the day. */
const periodText = (periods: readonly string[]): string[] =>
  periods.every((p) => p.endsWith('-01')) ? periods.map((p) => p.slice(0, 7)) : [...periods];

/** `[2024-01, 2024-02]`, or the first ones and how many more. */
export const periodsText = (periods: readonly string[], periodCount = periods.length): string => {
  if (periods.length === 0) return '';
  const shown = periodText(periods).slice(0, SHOWN_PERIODS);
  const more = periodCount - shown.length;
  return `[${shown.join(', ')}${more > 0 ? `, ${more} more` : ''}]`;
};

const MODEL_WORD = { success: 'OK', warn: 'WARN', failed: 'ERROR', skipped: 'SKIP' } as const;
const TEST_WORD = { success: 'PASS', warn: 'WARN', failed: 'FAIL', skipped: 'SKIP' } as const;

/** `+100 ~3 -0 =2 <1`: inserted, updated, deleted; where there were any, unchanged and superseded. */
const rowsText = ({ rows }: NodeResult): string => {
  if (rows === undefined) return '';
  const { unchanged = 0, superseded = 0 } = rows;
  return [
    `+${rows.inserted} ~${rows.updated} -${rows.deleted}`,
    ...(unchanged > 0 ? [`=${unchanged}`] : []),
    ...(superseded > 0 ? [`<${superseded}`] : []),
  ].join(' ');
};

const outcomeText = (result: NodeResult): string[] => {
  const message = (result.message ?? '').replace(/\s*[\r\n]+\s*/g, ' ');
  if (result.state === 'skipped') return [message];
  const tries = result.attempts > 1 ? `after ${result.attempts} tries` : '';
  const took = `in ${seconds(result.durationMs)}`;
  return result.state === 'success'
    ? [rowsText(result), periodsText(result.periods ?? [], result.periodCount), took, tries]
    : [took, tries, message];
};

/** The width that lets the lines of these nodes stand in columns. */
export const labelWidthOf = (nodes: readonly { readonly label: string }[]): number =>
  Math.max(0, ...nodes.map((n) => n.label.length));

/** One node as dbt would print it: `3 of 9 OK  gold.fct_transactions  incremental  +100 ~3 -0  [2024-01]  in 0.42s`. */
export const nodeLine = (
  index: number,
  total: number,
  result: NodeResult,
  labelWidth = LABEL_WIDTH,
): string => {
  const word = (result.kind === 'test' ? TEST_WORD : MODEL_WORD)[result.state];
  return [
    `${String(index).padStart(String(total).length)} of ${total} ${word.padEnd(5)}`,
    result.label.padEnd(Math.min(labelWidth, MAX_LABEL_WIDTH)),
    (result.kind === 'test' ? 'test' : result.materialized).padEnd(MATERIALIZED_WIDTH),
    ...outcomeText(result).filter((part) => part !== ''),
  ]
    .join('  ')
    .trimEnd();
};

/** `Done. PASS=9 WARN=0 ERROR=0 SKIP=0 TOTAL=9 in 1.9s` */
export const doneLine = (results: readonly NodeResult[], durationMs: number): string => {
  const count = (state: NodeResult['state']): number => results.filter((r) => r.state === state).length;
  return (
    `Done. PASS=${count('success')} WARN=${count('warn')} ERROR=${count('failed')} SKIP=${count('skipped')} ` +
    `TOTAL=${results.length} in ${(durationMs / 1000).toFixed(1)}s`
  );
};

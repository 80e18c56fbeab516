import { spanText } from '../domain/span-text';
import type { SourceFreshness } from '../wire/freshness';
import { tableLines } from './table';

const orDash = (seconds: number | null): string => (seconds === null ? '-' : spanText(seconds));

/** The sources as a table; their diagnoses are in it, what stands behind them below. */
export const sourceLines = (sources: readonly SourceFreshness[]): string[] =>
  tableLines(
    ['source', 'status', 'diagnosis', 'age', 'warn after', 'error after', 'age of data'],
    sources.map((s) => [
      ...[s.source, s.status, s.diagnosis, orDash(s.ageSeconds)],
      ...[orDash(s.warnAfterSeconds), orDash(s.errorAfterSeconds), orDash(s.eventAgeSeconds)],
    ]),
  );

/** `strata source freshness` for people. */
export const freshnessLines = ({
  sources,
  status,
}: {
  readonly sources: readonly SourceFreshness[];
  readonly status: string;
}): string[] => {
  if (sources.length === 0) return ['No source declares a freshness: see docs/freshness-and-schedules.md'];
  const count = (wanted: string): number => sources.filter((s) => s.status === wanted).length;
  return [
    ...sourceLines(sources),
    '',
    ...sources.map((s) => `${s.source}: ${s.message}`),
    '',
    `Freshness: ${status}. PASS=${count('pass')} WARN=${count('warn')} ERROR=${count('error')} SKIP=${count('skipped')}`,
  ];
};

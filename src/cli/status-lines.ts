import { basename } from 'node:path';
import type { BatchRow, DeadLetterCountRow, FreshnessRow, LagRow, RunRow, UnreadRow } from '../db/status';
import type { SuspendedNode } from '../wire/transform';
import { suspendedLines } from './resume';
import { seconds } from './run-lines';
import { tableLines } from './table';

export interface StatusReport {
  readonly warehouse: string;
  readonly databaseUuid: string;
  readonly runs: readonly RunRow[];
  readonly suspended: readonly SuspendedNode[];
  readonly batches: readonly BatchRow[];
  readonly freshness: readonly FreshnessRow[];
  readonly deadLetters: readonly DeadLetterCountRow[];
  readonly lag: readonly LagRow[];
  readonly unread: readonly UnreadRow[];
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];

/** `3 d`, `5 h`, `12 min`, `40 s` */
export const ageText = (ageSeconds: number): string => {
  const unit = UNITS.find(([, length]) => ageSeconds >= length);
  return unit ? `${Math.floor(ageSeconds / unit[1])} ${unit[0]}` : `${Math.max(0, Math.floor(ageSeconds))} s`;
};

/** `2026-11-24 10:00:00` of PostgreSQL's text. */
const timeText = (timestamp: string): string => timestamp.slice(0, 19);

const section = (title: string, lines: readonly string[], none: string): string[] => [
  '',
  title,
  ...(lines.length === 0 ? [none] : lines),
];

const runLines = (runs: readonly RunRow[]): string[] =>
  runs.length === 0
    ? []
    : tableLines(
        ['started', 'command', 'state', 'nodes', 'failed', 'took', 'workflow'],
        runs.map((r) => [
          timeText(r.startedAt),
          r.fullRefresh ? `${r.command} --full-refresh` : r.command,
          r.state,
          `${r.done}/${r.selected}`,
          r.failed,
          r.durationMs === null ? '' : seconds(r.durationMs),
          r.workflowId,
        ]),
      );

const batchNote = ({ duplicateOf, errorCode, error }: BatchRow): string => {
  if (duplicateOf !== null) return `same content as batch ${duplicateOf}`;
  return errorCode === null ? (error ?? '') : `${errorCode}: ${error ?? ''}`;
};

const batchLines = (batches: readonly BatchRow[]): string[] =>
  batches.length === 0
    ? []
    : tableLines(
        ['batch', 'accepted', 'dataset', 'file', 'state', 'read', 'loaded', 'rejected', 'note'],
        batches.map((b) => [
          b.batchId,
          timeText(b.acceptedAt),
          b.dataset,
          basename(b.file),
          b.state,
          b.rowsRead,
          b.rowsLoaded,
          b.rowsRejected,
          batchNote(b),
        ]),
      );

const freshnessLines = (rows: readonly FreshnessRow[]): string[] =>
  rows.length === 0
    ? []
    : tableLines(
        ['dataset', 'batches', 'rows', 'last loaded', 'age'],
        rows.map((f) => [f.dataset, f.batches, f.rows, timeText(f.lastLoadedAt), ageText(f.ageSeconds)]),
      );

const deadLetterLines = (rows: readonly DeadLetterCountRow[]): string[] =>
  rows.length === 0
    ? []
    : tableLines(
        ['dataset', 'state', 'error', 'letters', 'newest'],
        rows.map((d) => [d.dataset, d.state, d.errorCode, d.letters, timeText(d.newest)]),
      );

const lagLines = ({ lag, unread }: StatusReport): string[] => [
  ...lag.map(
    (l) =>
      `${l.relation} has not consumed ${l.loads} loads of ${l.dataset} (${l.rows} rows, for ${ageText(l.lagSeconds)})`,
  ),
  ...unread.map((u) => `no model has consumed ${u.dataset} yet (${u.loads} loads)`),
];

/** The whole of `strata status` for people. */
export const statusLines = (report: StatusReport): string[] => [
  `Warehouse ${report.warehouse} (database ${report.databaseUuid})`,
  ...section('Runs', runLines(report.runs), 'none yet'),
  ...section('Suspended models', suspendedLines(report.suspended), 'none'),
  ...section('Batches', batchLines(report.batches), 'none yet'),
  ...section('Freshness', freshnessLines(report.freshness), 'nothing loaded yet'),
  ...section('Dead letters', deadLetterLines(report.deadLetters), 'none'),
  ...section('Lag', lagLines(report), 'none: the models have consumed every published load'),
];

import { basename } from 'node:path';
import type {
  BatchRow,
  DeadLetterCountRow,
  FileToMartRow,
  FreshnessRow,
  LagRow,
  RunRow,
  UnreadRow,
} from '../db/status';
import type { ListedIncident, ListedMessage } from '../db/alert-list';
import type { SuspendedNode } from '../wire/transform';
import { incidentLines, messageLines } from './alert-lines';
import { suspendedLines } from './resume';
import { spanText } from '../domain/span-text';
import type { RecordedFreshness } from '../db/freshness-results';
import { sourceLines } from './freshness-lines';
import { seconds } from './run-lines';
import { tableLines } from './table';

export interface StatusReport {
  readonly warehouse: string;
  readonly databaseUuid: string;
  readonly runs: readonly RunRow[];
  readonly suspended: readonly SuspendedNode[];
  readonly batches: readonly BatchRow[];
  readonly freshness: readonly FreshnessRow[];
  /** The newest check of each source. */
  readonly checks: readonly RecordedFreshness[];
  readonly deadLetters: readonly DeadLetterCountRow[];
  readonly lag: readonly LagRow[];
  readonly unread: readonly UnreadRow[];
  readonly fileToMart: readonly FileToMartRow[];
  /** Those that are open. */
  readonly incidents: readonly ListedIncident[];
  /** Messages about incidents that did not arrive. */
  readonly undelivered: readonly ListedMessage[];
}

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

const batchNote = ({ duplicateOf, errorCode, error, state, host }: BatchRow): string => {
  if (state === 'accepted' && host !== null) return `waits for a worker of host ${host}`;
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
        rows.map((f) => [f.dataset, f.batches, f.rows, timeText(f.lastLoadedAt), spanText(f.ageSeconds)]),
      );

/** As they were at their last check, which may have been a while ago. */
const checkLines = (checks: readonly RecordedFreshness[]): string[] => {
  const newest = checks.map((check) => check.asOf).reduce((a, b) => (a > b ? a : b), '');
  return checks.length === 0
    ? []
    : [...sourceLines(checks), `as of ${timeText(newest.replace('T', ' '))} UTC, the last check`];
};

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
      `${l.relation} has not consumed ${l.loads} loads of ${l.dataset} (${l.rows} rows, for ${spanText(l.lagSeconds)})`,
  ),
  ...unread.map((u) => `no model has consumed ${u.dataset} yet (${u.loads} loads)`),
];

const fileToMartLines = (rows: readonly FileToMartRow[]): string[] =>
  rows.length === 0
    ? []
    : tableLines(
        ['dataset', 'last', 'median', 'longest', 'of files'],
        rows.map((r) => [
          r.dataset,
          ...[r.lastSeconds, r.medianSeconds, r.maxSeconds].map((s) => seconds(s * 1000)),
          r.files,
        ]),
      );

/** The whole of `strata status` for people. */
export const statusLines = (report: StatusReport): string[] => [
  `Warehouse ${report.warehouse} (database ${report.databaseUuid})`,
  ...section('Runs', runLines(report.runs), 'none yet'),
  ...section('Incidents', incidentLines(report.incidents), 'none is open'),
  ...(report.undelivered.length === 0
    ? []
    : section('Alerts that did not arrive', messageLines(report.undelivered), '')),
  ...section('Suspended models', suspendedLines(report.suspended), 'none'),
  ...section('Batches', batchLines(report.batches), 'none yet'),
  ...section('Freshness', freshnessLines(report.freshness), 'nothing loaded yet'),
  ...section('Sources', checkLines(report.checks), 'not checked yet: strata source freshness'),
  ...section('Dead letters', deadLetterLines(report.deadLetters), 'none'),
  ...section('From file to marts', fileToMartLines(report.fileToMart), 'no run has covered a file yet'),
  ...section('Lag', lagLines(report), 'none: the models have consumed every published load'),
];

import { ARCHIVE_STEPS } from './archive-steps';
import { POINTS } from './fault-files';
import { type Fault, FAULT_KINDS, isActivityFault } from './faults';
import type { Findings } from './checks';

/** What a chaos run comes to; the last four numbers have to be 0. */
export interface Report {
  readonly seed: number;
  /** That were met: what they were to strike was there. */
  faults: number;
  rounds: number;
  /** Of all tables, rows and leftovers, each after a round was quiet. */
  comparisons: number;
  readonly byKind: Record<string, number>;
  /** Kills of a worker at each point of each activity. */
  readonly byActivity: Record<string, Record<string, number>>;
  /** Connections that were half-open during an activity. */
  readonly halfOpen: Record<string, number>;
  /** Faults of any kind at the steps by which a month goes out or comes back. */
  readonly byArchiveStep: Record<string, number>;
  /** Months that were archived, and that came back. */
  archived: number;
  restored: number;
  /** Faults of any kind within an activity. */
  readonly withinActivity: Record<string, number>;
  /** Faults that nothing met in several rounds; they don't count. */
  missed: number;
  /** Of the scripted input. */
  files: number;
  rows: number;
  /** Runs of the models that ended as failed, for a later one to do; a verification that was begun again is none. */
  failedRuns: number;
  workerStarts: number;
  lost: number;
  doubled: number;
  wrong: number;
  stuck: number;
  readonly durations: { totalSeconds: number; secondsPerFault: number; longestRoundSeconds: number };
  readonly problems: string[];
}

export const emptyReport = (seed: number, activities: readonly string[]): Report => ({
  seed,
  faults: 0,
  rounds: 0,
  comparisons: 0,
  byKind: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])),
  byActivity: Object.fromEntries(
    activities.map((name) => [name, Object.fromEntries(POINTS.map((point) => [point, 0]))]),
  ),
  halfOpen: Object.fromEntries(activities.map((name) => [name, 0])),
  byArchiveStep: Object.fromEntries(Object.keys(ARCHIVE_STEPS).map((name) => [name, 0])),
  archived: 0,
  restored: 0,
  withinActivity: Object.fromEntries(activities.map((name) => [name, 0])),
  missed: 0,
  files: 0,
  rows: 0,
  failedRuns: 0,
  workerStarts: 0,
  lost: 0,
  doubled: 0,
  wrong: 0,
  stuck: 0,
  durations: { totalSeconds: 0, secondsPerFault: 0, longestRoundSeconds: 0 },
  problems: [],
});

const increment = (counts: Record<string, number> | undefined, name: string): void => {
  if (counts) counts[name] = (counts[name] ?? 0) + 1;
};

export const countFault = (report: Report, fault: Fault): void => {
  report.faults += 1;
  increment(report.byKind, fault.kind);
  if (!isActivityFault(fault)) return;
  increment(report.withinActivity, fault.activity);
  if (fault.moment.kind === 'step') increment(report.byArchiveStep, fault.moment.step);
  if (fault.kind === 'half-open') increment(report.halfOpen, fault.activity);
  if (fault.kind === 'worker-killed') increment(report.byActivity[fault.activity], fault.point);
};

export const countFindings = (report: Report, { lost, doubled, wrong, texts }: Findings): void => {
  report.lost += lost;
  report.doubled += doubled;
  report.wrong += wrong;
  report.problems.push(...texts);
};

export const isSound = ({ lost, doubled, wrong, stuck }: Report): boolean =>
  lost + doubled + wrong + stuck === 0;

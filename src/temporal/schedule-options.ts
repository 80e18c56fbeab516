import { createHash } from 'node:crypto';
import type {
  CalendarSpec,
  ScheduleDescription,
  ScheduleOptions,
  ScheduleOptionsAction,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import type { DeclaredSchedule } from '../domain/schedule-kinds';
import { canonicalJson } from '../domain/canonical-json';
import { SCHEDULE_KINDS, type ScheduleKind } from '../domain/schedule-kinds';
import { scheduleId, WORKFLOW } from '../wire/names';

/** In the memo of a schedule: whose it is. Can't be changed later; what changes is in the memo of its action. */
export const MANAGED_BY = 'strata schedule apply';

export interface ScheduleTarget {
  readonly warehouse: string;
  /** Of an embedded server, which is often off: what was missed is not made up for at each start. */
  readonly catchupAtMostMs?: number | undefined;
}

/** What the memo of a managed schedule's action says: what was declared when it was last applied. */
export interface Applied {
  readonly hash: string;
  readonly paused: boolean;
  /** A digest of what the server made of it; undefined while the apply goes on, and after one that was cut short. */
  readonly seen?: string | undefined;
}

const TYPES: Readonly<Record<ScheduleKind, string>> = {
  freshness: WORKFLOW.freshness,
  inbox: WORKFLOW.inbox,
  maintenance: WORKFLOW.maintenance,
  verify: WORKFLOW.verify,
  archive: WORKFLOW.archivePartitions,
  run: WORKFLOW.scheduledRun,
};

/** What a schedule is for, by what it starts. */
export const kindOfType = (workflowType: string): ScheduleKind | undefined =>
  SCHEDULE_KINDS.find((kind) => TYPES[kind] === workflowType);

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(value))))
    .digest('hex');

/** Of what a schedule does, as the server has it: cron expressions, say, are calendars there. */
export const seenAs = ({ spec, policies, action }: ScheduleDescription): string => {
  const { memo: _, ...does } = action;
  return digest([spec, policies, does]);
};

const inputOf = (schedule: DeclaredSchedule): object => {
  const { kind, select, exclude, vars, fullRefresh, timeVar, host, model } = schedule;
  const selection = {
    ...(select === undefined ? {} : { select }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(vars === undefined ? {} : { vars }),
    ...(host === undefined ? {} : { host }),
    ...(model === undefined ? {} : { model }),
  };
  if (kind !== 'run') return selection;
  return {
    transform: { ...selection, ...(fullRefresh === undefined ? {} : { fullRefresh }) },
    ...(timeVar === undefined ? {} : { timeVar }),
  };
};

const specOf = ({ times, policy }: DeclaredSchedule): ScheduleOptions['spec'] => {
  const { everyMs, offsetMs, cron, calendars, timeZone } = times;
  return {
    ...(everyMs === undefined
      ? {}
      : { intervals: [{ every: everyMs, ...(offsetMs === undefined ? {} : { offset: offsetMs }) }] }),
    ...(cron.length === 0 ? {} : { cronExpressions: [...cron] }),
    ...(calendars.length === 0 ? {} : { calendars: [...calendars] as CalendarSpec[] }),
    timezone: timeZone,
    jitter: policy.jitterMs,
  };
};

const policiesOf = (
  { policy }: DeclaredSchedule,
  { catchupAtMostMs = Number.POSITIVE_INFINITY }: ScheduleTarget,
): NonNullable<ScheduleOptions['policies']> => ({
  overlap: policy.overlap.toUpperCase() as NonNullable<ScheduleOverlapPolicy>,
  catchupWindow: Math.min(policy.catchupMs, catchupAtMostMs),
});

export type TargetSchedule = ScheduleOptions<ScheduleOptionsAction> & {
  readonly action: ScheduleOptionsAction;
  readonly applied: Applied;
};

/** A declared schedule as Temporal takes it, with what tells later whether it still is as declared. */
export const targetSchedule = (schedule: DeclaredSchedule, target: ScheduleTarget): TargetSchedule => {
  const { warehouse } = target;
  const id = scheduleId(warehouse, schedule.name);
  const spec = specOf(schedule);
  const policies = policiesOf(schedule, target);
  const action = {
    type: 'startWorkflow' as const,
    workflowType: TYPES[schedule.kind],
    workflowId: id,
    taskQueue: warehouse,
    args: [inputOf(schedule)],
    staticSummary: schedule.description ?? `${schedule.kind}, by schedule ${schedule.name}`,
  };
  const { paused } = schedule;
  const applied: Applied = { hash: digest([spec, policies, action, paused]), paused };
  return {
    scheduleId: id,
    spec,
    policies,
    action: { ...action, memo: { strataApplied: applied } },
    memo: { managedBy: MANAGED_BY },
    state: { paused, ...(paused ? { note: `paused in ${schedule.place.split(':')[0] ?? ''}` } : {}) },
    applied,
  };
};

/** What a schedule's action was last applied as; undefined where somebody else has changed it since. */
export const appliedOf = (memo: Readonly<Record<string, unknown>> | undefined): Applied | undefined => {
  const { hash, paused, seen } = (memo?.['strataApplied'] ?? {}) as Partial<Applied>;
  return typeof hash === 'string' && typeof paused === 'boolean' ? { hash, paused, seen } : undefined;
};

/** Whether somebody else has changed what a schedule does since it was applied, as in the Web UI. */
export const isChangedElsewhere = (there: ScheduleDescription): boolean => {
  const applied = appliedOf(there.action.memo);
  return applied === undefined || (applied.seen !== undefined && applied.seen !== seenAs(there));
};

/** Whether it is what is declared. */
export const isAsDeclared = (there: ScheduleDescription, { hash }: Applied): boolean => {
  const applied = appliedOf(there.action.memo);
  return applied?.hash === hash && applied.seen === seenAs(there);
};

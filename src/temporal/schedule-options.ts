import { createHash } from 'node:crypto';
import type {
  CalendarSpec,
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
}

const TYPES: Readonly<Record<ScheduleKind, string>> = {
  freshness: WORKFLOW.freshness,
  inbox: WORKFLOW.inbox,
  maintenance: WORKFLOW.maintenance,
  verify: WORKFLOW.verify,
  run: WORKFLOW.scheduledRun,
};

/** What a schedule is for, by what it starts. */
export const kindOfType = (workflowType: string): ScheduleKind | undefined =>
  SCHEDULE_KINDS.find((kind) => TYPES[kind] === workflowType);

const inputOf = (schedule: DeclaredSchedule): object => {
  const { kind, select, exclude, vars, fullRefresh, timeVar, host } = schedule;
  const selection = {
    ...(select === undefined ? {} : { select }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(vars === undefined ? {} : { vars }),
    ...(host === undefined ? {} : { host }),
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
  const hash = createHash('sha256')
    .update(canonicalJson([spec, policies, action, paused]))
    .digest('hex');
  const applied: Applied = { hash, paused };
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
  const { hash, paused } = (memo?.['strataApplied'] ?? {}) as Partial<Applied>;
  return typeof hash === 'string' && typeof paused === 'boolean' ? { hash, paused } : undefined;
};

import type { Client, ScheduleDescription } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import type { DeclaredSchedule, ScheduleOverlap } from '../domain/schedule-kinds';
import { StrataError } from '../domain/errors';
import { backfillOverlapOf, MAX_BACKFILL, whyNoBackfill } from '../domain/schedule-kinds';
import { scheduleId } from '../wire/names';
import { describeSchedule, isManaged, managedIds } from './apply-schedules';
import {
  isAsDeclared,
  isChangedElsewhere,
  kindOfType,
  type ScheduleTarget,
  targetSchedule,
} from './schedule-options';

/** How a schedule stands against its declaration. */
export type Standing = 'applied' | 'changed' | 'changed elsewhere' | 'missing' | 'undeclared' | 'taken';

export interface ListedSchedule {
  readonly name: string;
  readonly scheduleId: string;
  readonly kind: string | undefined;
  readonly standing: Standing;
  readonly paused: boolean;
  readonly note?: string | undefined;
  readonly next?: string | undefined;
  /** The last workflows that it started, the newest last. */
  readonly recent: readonly { readonly scheduledAt: string; readonly workflowId: string }[];
  readonly running: readonly string[];
}

const standingOf = (
  there: ScheduleDescription | undefined,
  declared: DeclaredSchedule | undefined,
  target: ScheduleTarget,
): Standing => {
  if (there === undefined) return 'missing';
  if (!isManaged(there)) return 'taken';
  if (declared === undefined) return 'undeclared';
  const { applied } = targetSchedule(declared, target);
  if (isChangedElsewhere(there)) return 'changed elsewhere';
  return isAsDeclared(there, applied) ? 'applied' : 'changed';
};

/** The schedules of the warehouse: those declared, and those that strata has made before. */
export const listSchedules = async (
  client: Client,
  schedules: readonly DeclaredSchedule[],
  target: ScheduleTarget,
): Promise<ListedSchedule[]> => {
  const prefix = scheduleId(target.warehouse, '');
  const known = await managedIds(client, target.warehouse);
  const names = [
    ...new Set([...schedules.map(({ name }) => name), ...known.map((id) => id.slice(prefix.length))]),
  ];
  const found = await Promise.all(
    names.map(async (name): Promise<ListedSchedule | undefined> => {
      const id = scheduleId(target.warehouse, name);
      const there = await describeSchedule(client, id);
      const declared = schedules.find((schedule) => schedule.name === name);
      if (there === undefined && declared === undefined) return undefined;
      return {
        name,
        scheduleId: id,
        kind: declared?.kind ?? kindOfType(there?.action.workflowType ?? ''),
        standing: standingOf(there, declared, target),
        paused: there?.state.paused ?? false,
        note: there?.state.note,
        next: there?.info.nextActionTimes[0]?.toISOString(),
        recent: (there?.info.recentActions ?? []).map(({ scheduledAt, action }) => ({
          scheduledAt: scheduledAt.toISOString(),
          workflowId: action.workflow.workflowId,
        })),
        running: (there?.info.runningActions ?? []).map(({ workflow }) => workflow.workflowId),
      };
    }),
  );
  return found.filter((schedule) => schedule !== undefined);
};

/** @throws SCHEDULE_UNKNOWN where there is none of this name that strata manages */
const required = async (client: Client, warehouse: string, name: string): Promise<ScheduleDescription> => {
  const there = await describeSchedule(client, scheduleId(warehouse, name));
  if (there !== undefined && isManaged(there)) return there;
  throw new StrataError('SCHEDULE_UNKNOWN', `Warehouse ${warehouse} has no schedule ${name}`);
};

/** Pauses or resumes a schedule; says whether that changed anything. @throws SCHEDULE_UNKNOWN */
export const setPaused = async (
  client: Client,
  { warehouse, name, paused, note }: { warehouse: string; name: string; paused: boolean; note: string },
): Promise<boolean> => {
  const there = await required(client, warehouse, name);
  if (there.state.paused === paused) return false;
  const handle = client.schedule.getHandle(there.scheduleId);
  await (paused ? handle.pause(note) : handle.unpause(note));
  return true;
};

/** Starts what the schedule starts, now; its overlap policy holds. @throws SCHEDULE_UNKNOWN */
export const triggerSchedule = async (
  client: Client,
  { warehouse, name }: { warehouse: string; name: string },
): Promise<void> => {
  const { scheduleId: id } = await required(client, warehouse, name);
  await client.schedule.getHandle(id).trigger();
};

/** The server takes times after `start` up to and including `end`; times are whole seconds. */
const before = (time: Date): Date => new Date(time.getTime() - 1);

/** The times of a schedule in `[from, to)`, the first thousand, as the server works them out. */
const timesIn = async (client: Client, id: string, from: Date, to: Date): Promise<Date[]> => {
  const { startTime: times = [] } = await client.workflowService.listScheduleMatchingTimes({
    namespace: client.options.namespace,
    scheduleId: id,
    startTime: msToTs(before(from).getTime()),
    endTime: msToTs(before(to).getTime()),
  });
  return (times ?? []).map(({ seconds }) => new Date(Number(seconds ?? 0) * 1_000));
};

/**
 * Starts what the schedule would have started at the times in `[from, to)`; returns how many these are. Runs go one
 * after the other, checks of freshness beside each other.
 * @throws SCHEDULE_UNKNOWN, SCHEDULE_NO_BACKFILL, SCHEDULE_BACKFILL_TOO_LONG
 */
export const backfillSchedule = async (
  client: Client,
  { warehouse, name, from, to }: { warehouse: string; name: string; from: Date; to: Date },
): Promise<number> => {
  const { scheduleId: id, action } = await required(client, warehouse, name);
  const kind = kindOfType(action.workflowType) ?? 'run';
  const { timeVar } = (action.args?.[0] ?? {}) as { timeVar?: string };
  const why = whyNoBackfill({ kind, timeVar });
  if (why !== undefined) throw new StrataError('SCHEDULE_NO_BACKFILL', `Schedule ${name}: ${why}`);
  const times = await timesIn(client, id, from, to);
  const last = times.at(-1);
  if (last === undefined) return 0;
  const [next] =
    times.length < MAX_BACKFILL ? [] : await timesIn(client, id, new Date(last.getTime() + 1), to);
  if (next !== undefined)
    throw new StrataError(
      'SCHEDULE_BACKFILL_TOO_LONG',
      `Schedule ${name} has more than ${MAX_BACKFILL} times in this range: begin with --to ${next.toISOString()}`,
    );
  const overlap = backfillOverlapOf(kind).toUpperCase() as Uppercase<ScheduleOverlap>;
  await client.schedule.getHandle(id).backfill({ start: before(from), end: before(to), overlap });
  return times.length;
};

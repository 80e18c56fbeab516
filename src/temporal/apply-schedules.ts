import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleNotFoundError,
} from '@temporalio/client';
import type { DeclaredSchedule } from '../domain/schedule-kinds';
import { StrataError } from '../domain/errors';
import { redact } from '../observability/redact';
import { scheduleId } from '../wire/names';
import {
  type Applied,
  appliedOf,
  isAsDeclared,
  isChangedElsewhere,
  MANAGED_BY,
  type ScheduleTarget,
  seenAs,
  type TargetSchedule,
  targetSchedule,
} from './schedule-options';

export type ScheduleChange = 'created' | 'updated' | 'unchanged' | 'deleted';

export interface AppliedSchedule {
  readonly name: string;
  readonly change: ScheduleChange;
  /** Of one that was updated: an operator has paused or resumed it, and that was left as it is. */
  readonly keptPaused?: boolean | undefined;
  /** Of one that was updated: somebody else had changed what it does. */
  readonly changedElsewhere?: boolean | undefined;
}

/** gRPC's INVALID_ARGUMENT. */
const INVALID_ARGUMENT = 3;

export const isManaged = ({ memo }: { readonly memo?: Record<string, unknown> | undefined }): boolean =>
  memo?.['managedBy'] === MANAGED_BY;

/** Undefined where there is none. */
export const describeSchedule = async (
  client: Client,
  id: string,
): Promise<ScheduleDescription | undefined> => {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
};

/** Ids of the warehouse's schedules that strata manages, as the list has them: it may be some seconds behind. */
export const managedIds = async (client: Client, warehouse: string): Promise<string[]> => {
  const ids: string[] = [];
  const prefix = scheduleId(warehouse, '');
  for await (const summary of client.schedule.list())
    if (summary.scheduleId.startsWith(prefix) && isManaged(summary)) ids.push(summary.scheduleId);
  return ids.sort();
};

/** What Temporal refuses is wrong in the file. @throws PROJECT_INVALID */
const refused = (schedule: DeclaredSchedule, error: unknown): unknown => {
  const { code, details } = ((error as { cause?: unknown }).cause ?? error) as {
    code?: unknown;
    details?: unknown;
  };
  if (code !== INVALID_ARGUMENT && !(error instanceof TypeError || error instanceof RangeError)) return error;
  const why = typeof details === 'string' && details !== '' ? details : (error as Error).message;
  return new StrataError(
    'PROJECT_INVALID',
    `${schedule.place}: schedules.${schedule.name}: Temporal refuses it: ${redact(why)}`,
    { cause: error },
  );
};

const update = async (
  client: Client,
  name: string,
  { applied, ...target }: TargetSchedule,
): Promise<AppliedSchedule> => {
  let keptPaused = false;
  await client.schedule.getHandle(target.scheduleId).update(({ state, action }) => {
    // What somebody has paused, or resumed, since the last time is theirs.
    const before = appliedOf(action.memo);
    keptPaused = before !== undefined && state.paused !== before.paused && state.paused !== applied.paused;
    const isOurs = before === undefined ? !state.paused : state.paused === before.paused;
    const { spec, policies, action: next } = target;
    return {
      spec,
      ...(policies === undefined ? {} : { policies }),
      action: next,
      state: isOurs ? { ...target.state } : { ...state },
    };
  });
  return { name, change: 'updated', ...(keptPaused ? { keptPaused } : {}) };
};

/**
 * Notes with the schedule what the server has made of it, so that a change by somebody else shows. An apply that is cut
 * short before does all of it again.
 */
const seal = async (client: Client, { applied, ...target }: TargetSchedule): Promise<void> => {
  await client.schedule.getHandle(target.scheduleId).update((there) => {
    const { spec, policies, action } = target;
    const strataApplied: Applied = { ...applied, seen: seenAs(there) };
    return {
      spec,
      ...(policies === undefined ? {} : { policies }),
      action: { ...action, memo: { strataApplied } },
      state: { ...there.state },
    };
  });
};

const applyOne = async (
  client: Client,
  schedule: DeclaredSchedule,
  target: ScheduleTarget,
): Promise<AppliedSchedule> => {
  const { name, place } = schedule;
  const wanted = targetSchedule(schedule, target);
  const there = await describeSchedule(client, wanted.scheduleId);
  if (there !== undefined && !isManaged(there))
    throw new StrataError('SCHEDULE_TAKEN', `${place}: ${wanted.scheduleId} was made by somebody else`);
  if (there === undefined) {
    const { applied: _, ...options } = wanted;
    await client.schedule.create(options);
    await seal(client, wanted);
    return { name, change: 'created' };
  }
  if (isAsDeclared(there, wanted.applied)) return { name, change: 'unchanged' };
  const updated = await update(client, name, wanted);
  await seal(client, wanted);
  return { ...updated, ...(isChangedElsewhere(there) ? { changedElsewhere: true } : {}) };
};

const applyOrExplain = async (
  client: Client,
  schedule: DeclaredSchedule,
  target: ScheduleTarget,
): Promise<AppliedSchedule> => {
  try {
    return await applyOne(client, schedule, target);
  } catch (error) {
    // Somebody else has applied the same file at the same moment.
    if (error instanceof ScheduleAlreadyRunning) return applyOne(client, schedule, target);
    throw refused(schedule, error);
  }
};

export interface ApplyOptions {
  /** Names that are declared, and not for where this runs: never deleted. */
  readonly keep?: readonly string[];
  /** Hears of each schedule that is done, so that after a failure it is known what was. */
  readonly onApplied?: (applied: AppliedSchedule) => void;
}

/**
 * Makes the warehouse's schedules what is declared: creates those that are missing, updates those that are declared
 * otherwise, deletes those that strata has made and that are declared no more. Applied again, it changes nothing. A
 * schedule that somebody paused stays so; those of others, and those named in `keep`, are never touched.
 * @throws SCHEDULE_TAKEN, PROJECT_INVALID
 */
export const applySchedules = async (
  client: Client,
  schedules: readonly DeclaredSchedule[],
  target: ScheduleTarget,
  { keep = [], onApplied = () => undefined }: ApplyOptions = {},
): Promise<AppliedSchedule[]> => {
  const result: AppliedSchedule[] = [];
  const done = (applied: AppliedSchedule): void => {
    result.push(applied);
    onApplied(applied);
  };
  for (const schedule of schedules) done(await applyOrExplain(client, schedule, target));
  const names = [...schedules.map(({ name }) => name), ...keep];
  const declared = new Set(names.map((name) => scheduleId(target.warehouse, name)));
  const prefix = scheduleId(target.warehouse, '');
  for (const id of await managedIds(client, target.warehouse)) {
    if (declared.has(id)) continue;
    // The list may be behind: whether it is still there, and strata's, is asked of the schedule itself.
    const there = await describeSchedule(client, id);
    if (there === undefined || !isManaged(there)) continue;
    await client.schedule.getHandle(id).delete();
    done({ name: id.slice(prefix.length), change: 'deleted' });
  }
  return result;
};

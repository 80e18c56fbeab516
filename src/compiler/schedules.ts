import { z } from 'zod/v4';
import {
  type DeclaredSchedule,
  policyOf,
  policyProblem,
  SCHEDULE_KINDS,
  SCHEDULE_OVERLAPS,
  SCHEDULE_VARIABLES,
  type SchedulePolicy,
  type ScheduleTimes,
} from '../domain/schedule-kinds';
import { Calendar } from './schedule-calendar';
import { parseYamlFile, type ProjectFile, projectInvalid } from './yaml-file';

/** Beside dbt_project.yml. */
export const SCHEDULES_FILE = 'schedules.yml';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const duration = z
  .string({ error: 'a duration such as 30s, 15m, 6h or 1d is expected' })
  .transform((text, context) => {
    const [, count, unit] = /^(\d{1,6})\s*([smhd])$/.exec(text.trim()) ?? [];
    if (count !== undefined && unit !== undefined)
      return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
    context.addIssue('a duration such as 30s, 15m, 6h or 1d is expected');
    return z.NEVER;
  });

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
};

const words = z.array(z.string().min(1)).min(1);

const Schedule = z.strictObject({
  kind: z.enum(SCHEDULE_KINDS, { error: `one of ${SCHEDULE_KINDS.join(', ')} is expected` }),
  description: z.string().optional(),
  every: duration.optional(),
  offset: duration.optional(),
  cron: z
    .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string()).min(1))
    .optional(),
  calendar: z
    .preprocess((value): unknown => (Array.isArray(value) ? value : [value]), z.array(Calendar).min(1))
    .optional(),
  time_zone: z.string().refine(isTimeZone, 'a time zone such as Europe/Berlin is expected').optional(),
  overlap: z
    .enum(SCHEDULE_OVERLAPS, { error: `one of ${SCHEDULE_OVERLAPS.join(', ')} is expected` })
    .optional(),
  catchup_window: duration.refine((ms) => ms >= 10_000, 'at least 10s is expected').optional(),
  jitter: duration.optional(),
  paused: z.boolean().optional(),
  only_if: z
    .enum(SCHEDULE_VARIABLES, { error: `one of ${SCHEDULE_VARIABLES.join(', ')} is expected` })
    .optional(),
  select: words.optional(),
  exclude: words.optional(),
  full_refresh: z.boolean().optional(),
  vars: z.record(z.string(), z.unknown()).optional(),
  time_var: z.string().min(1).optional(),
  host: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
});
type Schedule = z.infer<typeof Schedule>;

const NAME = /^[a-z0-9][a-z0-9_-]{0,59}$/;
const File = z.strictObject({ schedules: z.record(z.string(), Schedule) });

const CALENDAR_NAMES: Readonly<Record<string, string>> = {
  day_of_month: 'dayOfMonth',
  day_of_week: 'dayOfWeek',
};

const timesOf = ({
  every,
  offset,
  cron,
  calendar,
  time_zone: timeZone = 'UTC',
}: Schedule): ScheduleTimes => ({
  ...(every === undefined ? {} : { everyMs: every }),
  ...(offset === undefined ? {} : { offsetMs: offset }),
  cron: cron ?? [],
  calendars: (calendar ?? []).map((c) =>
    Object.fromEntries(
      Object.entries(c)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [CALENDAR_NAMES[key] ?? key, value]),
    ),
  ),
  timeZone,
});

/** Which settings go with which kinds. */
const ONLY_OF: Readonly<Record<string, readonly string[]>> = {
  select: ['freshness', 'verify', 'run'],
  exclude: ['freshness', 'verify', 'run'],
  vars: ['verify', 'run'],
  full_refresh: ['run'],
  time_var: ['run'],
  host: ['inbox'],
  model: ['archive'],
};

/** The setting that is wrong, and why. */
const problemOf = (
  name: string,
  s: Schedule,
  policy: SchedulePolicy,
): readonly [string | undefined, string] | undefined => {
  if (!NAME.test(name)) return [undefined, 'a name is lower-case letters, digits, _ and -'];
  if (s.every === undefined && s.cron === undefined && s.calendar === undefined)
    return [undefined, 'it says no time: every, cron or calendar is expected'];
  if (s.every !== undefined && s.every < 1_000) return ['every', 'at least 1s is expected'];
  if (s.offset !== undefined && (s.every === undefined || s.offset >= s.every))
    return ['offset', 'it goes with every, and is less'];
  const stranger = Object.keys(ONLY_OF).find((key) => key in s && !ONLY_OF[key]?.includes(s.kind));
  if (stranger !== undefined) return [stranger, `it is no setting of kind ${s.kind}`];
  const problem = policyProblem({ kind: s.kind, fullRefresh: s.full_refresh, timeVar: s.time_var }, policy);
  return problem === undefined ? undefined : [problem.split(':')[0], problem.replace(/^\w+: /, '')];
};

/** Reads the file that declares the schedules. @throws PROJECT_INVALID with file, line and what is wrong */
export const parseSchedules = (file: ProjectFile): DeclaredSchedule[] => {
  const { value, lineOf } = parseYamlFile(file, File);
  return Object.entries(value.schedules).map(([name, s]) => {
    const work = { kind: s.kind, fullRefresh: s.full_refresh, timeVar: s.time_var };
    const defaults = policyOf(work);
    const policy: SchedulePolicy = {
      overlap: s.overlap ?? defaults.overlap,
      catchupMs: s.catchup_window ?? defaults.catchupMs,
      jitterMs: s.jitter ?? defaults.jitterMs,
    };
    const problem = problemOf(name, s, policy);
    if (problem !== undefined) {
      const [setting, why] = problem;
      const path = ['schedules', name, ...(setting === undefined ? [] : [setting])];
      throw projectInvalid(file.path, lineOf(path), `${path.join('.')}: ${why}`);
    }
    return {
      ...work,
      name,
      place: `${file.path}:${lineOf(['schedules', name]) ?? 1}`,
      description: s.description,
      times: timesOf(s),
      policy,
      paused: s.paused ?? false,
      onlyIf: s.only_if,
      select: s.select,
      exclude: s.exclude,
      vars: s.vars,
      host: s.host,
      model: s.model,
    };
  });
};

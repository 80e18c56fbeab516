import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import {
  backfillSchedule,
  listSchedules,
  type ListedSchedule,
  setPaused,
  triggerSchedule,
} from '../temporal/operate-schedules';
import type { CommandContext, CommonOptions } from './context';
import { declaredSchedules } from './declared-schedules';
import { actorOf } from './dlq-options';
import { withTemporalAlone } from './session';
import { tableLines } from './table';

const moment = (time: string | undefined): string => (time ?? '').slice(0, 19).replace('T', ' ');

const rowOf = (schedule: ListedSchedule): (string | undefined)[] => {
  const { name, kind, standing, paused, note, next, recent } = schedule;
  const last = recent.at(-1);
  return [
    name,
    kind,
    standing,
    paused ? `paused${note === undefined || note === '' ? '' : `: ${note}`}` : moment(next),
    moment(last?.scheduledAt),
    last?.workflowId,
  ];
};

/** `strata schedule list` */
export const scheduleListCommand = (context: CommandContext, _options: CommonOptions): Promise<number> =>
  withTemporalAlone(context, { role: 'schedule list' }, async ({ client, config }) => {
    const { schedules, target } = await declaredSchedules(config);
    const listed = await listSchedules(client, schedules, target);
    const { output } = context;
    output.document({ schedules: listed });
    const columns = ['schedule', 'kind', 'is', 'next (UTC)', 'last (UTC)', 'last workflow'];
    for (const line of tableLines(columns, listed.map(rowOf))) output.line(line);
    const behind = listed.some(({ standing }) => standing !== 'applied');
    if (behind) output.note('what is not applied is made so by: strata schedule apply');
    return 0;
  });

export interface ScheduleNamesOptions extends CommonOptions {
  readonly names: readonly string[];
  readonly note?: string;
}

const pauseOrResume =
  (paused: boolean) =>
  (context: CommandContext, { names, note }: ScheduleNamesOptions): Promise<number> =>
    withTemporalAlone(context, { role: 'schedule' }, async ({ client, config, warehouse }) => {
      const by = note ?? `${paused ? 'paused' : 'resumed'} by ${actorOf(config)}`;
      const done: { name: string; changed: boolean }[] = [];
      for (const name of names)
        done.push({ name, changed: await setPaused(client, { warehouse, name, paused, note: by }) });
      const word = paused ? 'paused' : 'resumed';
      context.output.document({ schedules: done });
      for (const { name, changed } of done)
        context.output.line(`${name}: ${changed ? word : `was ${word} already`}`);
      return 0;
    });

/** `strata schedule pause` */
export const schedulePauseCommand = pauseOrResume(true);
/** `strata schedule resume` */
export const scheduleResumeCommand = pauseOrResume(false);

/** `strata schedule trigger` */
export const scheduleTriggerCommand = (
  context: CommandContext,
  { names }: ScheduleNamesOptions,
): Promise<number> =>
  withTemporalAlone(context, { role: 'schedule trigger' }, async ({ client, warehouse }) => {
    for (const name of names) await triggerSchedule(client, { warehouse, name });
    context.output.document({ triggered: names });
    for (const name of names) context.output.line(`${name}: triggered; see strata schedule list`);
    return 0;
  });

export interface ScheduleBackfillOptions extends CommonOptions {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** `strata schedule backfill` */
export const scheduleBackfillCommand = (
  context: CommandContext,
  options: ScheduleBackfillOptions,
): Promise<number> => {
  const [from, to] = [new Date(options.from), new Date(options.to)];
  if (from >= to) throw new StrataError('INPUT_INVALID', '--from has to be before --to');
  const { name } = options;
  return withTemporalAlone(context, { role: 'schedule backfill' }, async ({ client, warehouse }) => {
    const count = await backfillSchedule(client, { warehouse, name, from, to });
    context.output.document({ name, from: from.toISOString(), to: to.toISOString(), count });
    context.output.line(
      count === 0
        ? `${name}: it has no time from ${options.from} to before ${options.to}: nothing started`
        : `${name}: ${countOf(count, 'start')} asked for, from ${options.from} to before ${options.to}`,
    );
    return 0;
  });
};

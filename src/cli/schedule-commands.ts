/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import type { Command } from 'commander';
import type { Act } from './commands';
import type { CommonOptions } from './context';
import { timeOption, withProject, withTemporal } from './options';
import type { ScheduleBackfillOptions, ScheduleNamesOptions } from './schedule-operate';

const operate = (): typeof import('./schedule-operate') =>
  require('./schedule-operate') as typeof import('./schedule-operate');

const addNamed = (
  schedule: Command,
  act: Act,
  named: {
    readonly verb: 'pause' | 'resume' | 'trigger';
    readonly description: string;
    readonly load: () => (typeof import('./schedule-operate'))['schedulePauseCommand'];
  },
): void => {
  const command = withTemporal(schedule.command(named.verb))
    .description(named.description)
    .argument('<names...>', 'their names')
    .action((names: readonly string[], options: Omit<ScheduleNamesOptions, 'names'>) =>
      act(named.load)({ ...options, names }),
    );
  if (named.verb === 'trigger') return;
  command
    .option('--note <text>', 'why, shown with the schedule')
    .option('--as <name>', 'who does it (STRATA_ACTOR; default: the user of the system)');
};

type BackfillFlags = CommonOptions & Pick<ScheduleBackfillOptions, 'from' | 'to'>;

/** `strata schedule ...`: what runs by itself. */
export const addSchedule = (program: Command, act: Act): void => {
  const schedule = program
    .command('schedule')
    .description('the Temporal Schedules: list, apply, pause, resume, trigger, backfill');
  withProject(withTemporal(schedule.command('list')))
    .description('lists the schedules, and how they stand against schedules.yml')
    .action(act(() => operate().scheduleListCommand));
  withProject(withTemporal(schedule.command('apply')))
    .description('makes the schedules what schedules.yml declares')
    .action(
      act(() => (require('./schedule-apply') as typeof import('./schedule-apply')).scheduleApplyCommand),
    );
  addNamed(schedule, act, {
    verb: 'pause',
    description: 'pauses schedules: nothing is started until they are resumed',
    load: () => operate().schedulePauseCommand,
  });
  addNamed(schedule, act, {
    verb: 'resume',
    description: 'resumes schedules',
    load: () => operate().scheduleResumeCommand,
  });
  addNamed(schedule, act, {
    verb: 'trigger',
    description: 'starts now what schedules start',
    load: () => operate().scheduleTriggerCommand,
  });
  withTemporal(schedule.command('backfill'))
    .description('starts what a schedule would have started at past times')
    .argument('<name>', 'its name')
    .requiredOption('--from <time>', 'the first time, e.g. 2026-01-31T00:00Z', timeOption)
    .requiredOption('--to <time>', 'the time before which it ends', timeOption)
    .action((name: string, options: BackfillFlags) =>
      act(() => operate().scheduleBackfillCommand)({ ...options, name }),
    );
};

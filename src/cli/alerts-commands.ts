/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CHANNELS } from '../wire/alerts';
import type { AlertsActOptions, AlertsMuteOptions } from './alerts-act';
import type { Act } from './commands';
import type { CommonOptions } from './context';
import { idArgument, withAct } from './dlq-options';
import { timeOption, wholeNumber, withDatabase, withExecution } from './options';

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const LONGEST_SECONDS = 366 * 86_400;

/** `90s`, `30m`, `4h`, `7d`, as seconds. */
const spanOption = (text: string): number => {
  const [, count, unit = ''] = /^(\d{1,9}(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (seconds > 0 && seconds <= LONGEST_SECONDS) return seconds;
  throw new InvalidArgumentError('A span of at most 366 days is expected, such as 90s, 30m, 4h or 7d.');
};

const futureOption = (text: string): string => {
  const time = timeOption(text);
  if (Date.parse(time) > Date.now()) return time;
  throw new InvalidArgumentError('A time to come is expected.');
};

const PATTERN = 'a kind, a subject in which * stands for any text, or KIND:SUBJECT';

const addReading = (alerts: Command, act: Act): void => {
  withDatabase(alerts.command('list'))
    .description('lists open incidents, messages that did not arrive, and mutes')
    .option('--all', 'incidents that are over, too')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1, 10_000)).default(50))
    .action(act(() => (require('./alerts-list') as typeof import('./alerts-list')).alertsListCommand));
  withExecution(alerts.command('test'))
    .description('sends a test message by the channels of the worker, and says whether it arrived')
    .addOption(new Option('--channel <name>', 'only by this one').choices(CHANNELS))
    .action(act(() => (require('./alerts-test') as typeof import('./alerts-test')).alertsTestCommand));
};

const addChanging = (alerts: Command, act: Act): void => {
  withAct(withDatabase(alerts.command('ack')))
    .description('says that somebody looks after incidents: no more reminders of them')
    .argument('<ids...>', 'their ids', idArgument)
    .option('--reason <text>', 'why')
    .action((ids: readonly string[], options: AlertsActOptions) =>
      act(() => (require('./alerts-act') as typeof import('./alerts-act')).alertsAckCommand)({
        ...options,
        ids,
      }),
    );
  withDatabase(alerts.command('resend'))
    .description('sends messages again that were given up')
    .argument('<messages...>', 'their ids, as alerts list has them', idArgument)
    .action((ids: readonly string[], options: CommonOptions) =>
      act(() => (require('./alerts-act') as typeof import('./alerts-act')).alertsResendCommand)({
        ...options,
        ids,
      }),
    );
  withAct(withDatabase(alerts.command('mute')))
    .description('records incidents and tells nobody, for a while')
    .argument('<pattern>', PATTERN)
    .addOption(
      new Option('--for <span>', 'for so long: 30m, 4h, 7d').argParser(spanOption).conflicts('until'),
    )
    .addOption(new Option('--until <time>', 'until then; UTC').argParser(futureOption))
    .option('--reason <text>', 'why')
    .action((pattern: string, options: Omit<AlertsMuteOptions, 'pattern'>, command: Command) => {
      if (options.for === undefined && options.until === undefined)
        command.error('error: say for how long: --for 4h, or --until TIME');
      return act(() => (require('./alerts-act') as typeof import('./alerts-act')).alertsMuteCommand)({
        ...options,
        pattern,
      });
    });
  withDatabase(alerts.command('unmute'))
    .description('ends mutes before their time: people are told of what is still wrong')
    .argument('<pattern>', 'as it was muted')
    .action((pattern: string, options: CommonOptions) =>
      act(() => (require('./alerts-act') as typeof import('./alerts-act')).alertsUnmuteCommand)({
        ...options,
        pattern,
      }),
    );
};

/** `strata alerts ...`: incidents, and who is told of them. */
export const addAlerts = (program: Command, act: Act): void => {
  const alerts = program.command('alerts').description('incidents: list, ack, mute, unmute, test, resend');
  addReading(alerts, act);
  addChanging(alerts, act);
};

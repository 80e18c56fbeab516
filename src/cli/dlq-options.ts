import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config';
import type { LetterFilter, LetterState } from '../db/dead-letter-queue';
import { parseTimestamp } from '../domain/columns/timestamp';
import type { CommonOptions } from './context';

/** What the commands of the queue are given to find letters by. */
export interface DlqFilterOptions extends CommonOptions {
  readonly ids?: readonly string[];
  readonly dataset?: string;
  readonly batch?: string;
  readonly code?: string;
  readonly since?: string;
  readonly until?: string;
  readonly state?: LetterState | 'all';
  readonly all?: boolean;
}

/** What the commands that change letters are given about who does it, and why. */
export interface DlqActOptions extends DlqFilterOptions {
  readonly as?: string;
  readonly reason?: string;
}

const idOption = (text: string): string => {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('A number is expected.');
  return text;
};

export const idArgument = (text: string, before: unknown): string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  idOption(text),
];

const momentOption = (text: string): string => {
  const moment = parseTimestamp(text, { defaultZone: 'Z' });
  if (typeof moment === 'string') return moment;
  throw new InvalidArgumentError(
    'A date or a timestamp is expected, such as 2026-01-31 or 2026-01-31T12:00Z.',
  );
};

export const withFilter = (command: Command): Command =>
  command
    .option('--dataset <name>', 'letters of this dataset')
    .addOption(new Option('--batch <id>', 'letters of this batch').argParser(idOption))
    .option('--code <reason>', 'letters with this reason, e.g. INVALID_VALUE')
    .addOption(new Option('--since <time>', 'letters that came then or later; UTC').argParser(momentOption))
    .addOption(new Option('--until <time>', 'letters that came before; UTC').argParser(momentOption));

export const withState = (command: Command): Command =>
  command.addOption(
    new Option('--state <state>', 'letters in this state')
      .choices(['open', 'replayed', 'discarded', 'all'])
      .default('open'),
  );

export const withAct = (command: Command): Command =>
  command.option('--as <name>', 'who does it (STRATA_ACTOR; default: the user of the system)');

export const filterOf = (options: DlqFilterOptions): LetterFilter => ({
  ids: options.ids?.length ? options.ids : undefined,
  dataset: options.dataset,
  batchId: options.batch,
  code: options.code,
  since: options.since,
  until: options.until,
  state: options.state === 'all' ? undefined : options.state,
});

/** Whether it was said which letters are meant. */
export const saysWhich = (options: DlqFilterOptions): boolean =>
  options.all === true || Object.values(filterOf({ ...options, state: 'all' })).some((v) => v !== undefined);

const systemUser = (): string => {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as in containers.
    return `user ${process.getuid?.() ?? '?'}`;
  }
};

/** Who is written into the trace. */
export const actorOf = (config: Pick<Config, 'actor'>): string => config.actor ?? systemUser();

/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import { type Command, Option } from 'commander';
import type { CommonOptions } from './context';
import {
  type DlqActOptions,
  type DlqFilterOptions,
  idArgument,
  saysWhich,
  withAct,
  withFilter,
  withState,
} from './dlq-options';
import { wholeNumber, withDatabase, withExecution, withProject } from './options';
import type { Act } from './commands';

const NO_LETTERS = 'error: say which letters: ids, a filter such as --dataset or --code, or --all';

const collect = (value: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  value,
];

/** Refuses a command that changes letters and isn't told which. */
const checkWhich = (command: Command, options: DlqFilterOptions, isGiven = saysWhich(options)): void => {
  if (!isGiven) command.error(NO_LETTERS);
};

const withLetters = (command: Command): Command =>
  withAct(withFilter(command.argument('[ids...]', 'ids of dead letters', idArgument))).option(
    '--all',
    'all that there are',
  );

const addReading = (dlq: Command, act: Act): void => {
  withState(withFilter(withDatabase(dlq.command('list'))))
    .description('lists dead letters, and counts them by reason')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1, 10_000)).default(50))
    .addOption(
      new Option('--after <id>', 'those after this one: the next page').argParser(wholeNumber(0, 1e15)),
    )
    .action(act(() => (require('./dlq-list') as typeof import('./dlq-list')).dlqListCommand));
  withProject(withDatabase(dlq.command('show')))
    .description('shows a dead letter: its record, its columns, its errors, what was done with it')
    .argument('<id>', 'its id', idArgument)
    .action((ids: readonly string[], options: CommonOptions) =>
      act(() => (require('./dlq-show') as typeof import('./dlq-show')).dlqShowCommand)({ ...options, ids }),
    );
  withState(withFilter(withProject(withDatabase(dlq.command('export')))))
    .description('writes dead letters of one dataset into a CSV file, to be mended in a spreadsheet')
    .argument('<file>', 'the file to write; - is stdout')
    .action((file: string, options: DlqFilterOptions) =>
      act(() => (require('./dlq-export') as typeof import('./dlq-export')).dlqExportCommand)({
        ...options,
        file,
      }),
    );
};

const addChanging = (dlq: Command, act: Act): void => {
  withAct(withProject(withDatabase(dlq.command('edit'))))
    .description('corrects a dead letter, in an editor or by --set; the record itself stays')
    .argument('<id>', 'its id', idArgument)
    .addOption(new Option('--set <column=value>', 'corrects a column; several times').argParser(collect))
    .option('--reason <text>', 'why')
    .action((ids: readonly string[], options: DlqActOptions) =>
      act(() => (require('./dlq-edit') as typeof import('./dlq-edit')).dlqEditCommand)({ ...options, ids }),
    );
  withLetters(withDatabase(dlq.command('discard')))
    .description('takes dead letters out of the queue; they stay to be read')
    .requiredOption('--reason <text>', 'why')
    .action((ids: readonly string[], options: DlqActOptions, command: Command) => {
      checkWhich(command, { ...options, ids });
      return act(() => (require('./dlq-discard') as typeof import('./dlq-discard')).dlqDiscardCommand)({
        ...options,
        ids,
      });
    });
  withLetters(withDatabase(dlq.command('reopen')))
    .description('puts discarded dead letters back into the queue')
    .option('--reason <text>', 'why')
    .action((ids: readonly string[], options: DlqActOptions, command: Command) => {
      checkWhich(command, { ...options, ids });
      return act(() => (require('./dlq-discard') as typeof import('./dlq-discard')).dlqReopenCommand)({
        ...options,
        ids,
      });
    });
};

const addReplay = (dlq: Command, act: Act): void => {
  withLetters(withExecution(dlq.command('replay')))
    .description('takes dead letters through the checks again, publishes what passes, runs the models')
    .option('--with <file>', 'a mended export: corrects and replays the letters in it')
    .option('--reason <text>', 'why')
    .option('--no-transform', 'publish only')
    .option('--detach', 'start the work and return')
    .action((ids: readonly string[], options: DlqActOptions & { with?: string }, command: Command) => {
      const given = { ...options, ids };
      checkWhich(command, given, saysWhich(given) !== (options.with !== undefined));
      return act(() => (require('./dlq-replay') as typeof import('./dlq-replay')).dlqReplayCommand)(given);
    });
};

/** `strata dlq ...`: the dead letter queue. */
export const addDlq = (program: Command, act: Act): void => {
  const dlq = program
    .command('dlq')
    .description('the dead letter queue: list, show, edit, replay, discard, reopen, export');
  addReading(dlq, act);
  addChanging(dlq, act);
  addReplay(dlq, act);
};

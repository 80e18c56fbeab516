/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Act } from './commands';
import type { CommonOptions } from './context';
import { withDatabase, withProject, withTemporal } from './options';
import type { PartitionsArchiveOptions } from './partitions-archive';
import type { PartitionsListOptions } from './partitions-list';

const monthOption = (text: string): string => {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new InvalidArgumentError('A month is expected, such as 2024-01.');
};

/** `strata partitions ...`: the months that relations are partitioned by. */
export const addPartitions = (program: Command, act: Act): void => {
  const partitions = program
    .command('partitions')
    .description(
      'the monthly partitions of models that say partition_by: list, adopt, archive, restore, prune',
    );
  withDatabase(partitions.command('list'))
    .description('lists partitions: period, rows, bytes, state, last change')
    .argument('[model]', 'only of this one: its name, or its relation')
    .option('--exact', 'count the rows; without it they are what the statistics of PostgreSQL say')
    .action((model: string | undefined, options: PartitionsListOptions) =>
      act(() => (require('./partitions-list') as typeof import('./partitions-list')).partitionsListCommand)({
        ...options,
        ...(model === undefined ? {} : { model }),
      }),
    );
  withProject(withDatabase(partitions.command('adopt')))
    .description('makes the plain table of a model partitioned, as its config says; readers wait for moments')
    .argument('<model>', 'its name')
    .action((model: string, options: CommonOptions) =>
      act(
        () => (require('./partitions-adopt') as typeof import('./partitions-adopt')).partitionsAdoptCommand,
      )({ ...options, model }),
    );
  withTemporal(partitions.command('archive'))
    .description('archives what is past the retention of its model, or what lies before a month')
    .argument('[model]', 'only of this one: its name')
    .addOption(
      new Option('--before <month>', 'what lies before this month, e.g. 2024-01').argParser(monthOption),
    )
    .option('--inline-worker', 'run a worker within this command (STRATA_INLINE_WORKER=1)')
    .action((model: string | undefined, options: PartitionsArchiveOptions, command: Command) => {
      if (model === undefined && options.before !== undefined)
        command.error('error: --before is for one model: say which');
      return act(
        () =>
          (require('./partitions-archive') as typeof import('./partitions-archive')).partitionsArchiveCommand,
      )({ ...options, ...(model === undefined ? {} : { model }) });
    });
  withDatabase(partitions.command('restore'))
    .description('brings archived partitions of a model back, and compares them with their manifests')
    .argument('<model>', 'its name, or its relation')
    .argument(
      '<month...>',
      'which months, e.g. 2024-01',
      (month: string, before: readonly string[] | undefined) => [...(before ?? []), monthOption(month)],
    )
    .action((model: string, months: readonly string[], options: CommonOptions) =>
      act(
        () =>
          (require('./partitions-restore') as typeof import('./partitions-restore')).partitionsRestoreCommand,
      )({ ...options, model, months }),
    );
  withDatabase(partitions.command('prune'))
    .description('deletes the files of archived partitions that came back, and are live or archived anew')
    .argument('[model]', 'only of this one: its name, or its relation')
    .action((model: string | undefined, options: CommonOptions) =>
      act(
        () => (require('./partitions-prune') as typeof import('./partitions-prune')).partitionsPruneCommand,
      )({ ...options, ...(model === undefined ? {} : { model }) }),
    );
};

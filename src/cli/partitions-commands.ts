/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import type { Command } from 'commander';
import type { Act } from './commands';
import type { CommonOptions } from './context';
import { withDatabase, withProject } from './options';
import type { PartitionsListOptions } from './partitions-list';

/** `strata partitions ...`: the months that relations are partitioned by. */
export const addPartitions = (program: Command, act: Act): void => {
  const partitions = program
    .command('partitions')
    .description('the monthly partitions of models that say partition_by: list, adopt');
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
};

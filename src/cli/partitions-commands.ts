/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import type { Command } from 'commander';
import type { Act } from './commands';
import { withDatabase } from './options';
import type { PartitionsListOptions } from './partitions-list';

/** `strata partitions ...`: the months that relations are partitioned by. */
export const addPartitions = (program: Command, act: Act): void => {
  const partitions = program
    .command('partitions')
    .description('the monthly partitions of models that say partition_by: list');
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
};

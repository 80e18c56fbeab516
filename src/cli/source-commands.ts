/* eslint-disable @typescript-eslint/no-require-imports -- each command loads its own module when it runs */
import type { Command } from 'commander';
import type { Act } from './commands';
import { withDatabase, withProject, withSelection } from './options';

/** `strata source ...`: what the project says of the tables it reads. */
export const addSource = (program: Command, act: Act): void => {
  const source = program.command('source').description("the project's sources: freshness");
  withSelection(withProject(withDatabase(source.command('freshness'))))
    .description('checks and records how fresh the sources are, and says why one is not')
    .action(
      act(
        () => (require('./source-freshness') as typeof import('./source-freshness')).sourceFreshnessCommand,
      ),
    );
};

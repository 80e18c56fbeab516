import type { CommandContext } from './context';
import { withDatabase } from './session';

/** `strata migrate` */
export const migrateCommand = (context: CommandContext): Promise<number> =>
  withDatabase(context, { role: 'migrate' }, ({ migrated, databaseUuid }) => {
    const { output } = context;
    for (const name of migrated) output.line(`applied ${name}`);
    if (migrated.length === 0) output.line('nothing to apply: the database is up to date');
    output.document({ databaseUuid, applied: migrated });
    return Promise.resolve(0);
  });

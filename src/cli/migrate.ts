import { ensureRoles, loginRole, rolesScript, usableRoles } from '../db/roles';
import type { CommandContext, CommonOptions } from './context';
import { type DatabaseSession, withDatabase } from './session';

interface MigrateOptions extends CommonOptions {
  readonly printRoles?: boolean;
}

/** Makes the roles, or says who has to. */
const makeRoles = async (
  { output }: CommandContext,
  { pool, config }: DatabaseSession,
): Promise<string[]> => {
  const isMade = await ensureRoles(pool, config.rolePrefix);
  const roles = [...(await usableRoles(pool)).values()].sort();
  if (isMade) output.line(`roles: ${roles.join(', ')}`);
  else if (roles.length === 0)
    output.note(
      'warning: no permission to make roles; an administrator may run: strata migrate --print-roles',
    );
  return roles;
};

/** `strata migrate` */
export const migrateCommand = (context: CommandContext, options: MigrateOptions): Promise<number> =>
  withDatabase(context, { role: 'migrate' }, async (session) => {
    const { output } = context;
    const { migrated, databaseUuid, pool, config } = session;
    if (options.printRoles === true) {
      const script = rolesScript(config.rolePrefix, await loginRole(pool));
      output.line(`${script.trim()};`);
      output.document({ script });
      return 0;
    }
    for (const name of migrated) output.line(`applied ${name}`);
    if (migrated.length === 0) output.line('nothing to apply: the database is up to date');
    const roles = await makeRoles(context, session);
    output.document({ databaseUuid, applied: migrated, roles });
    return 0;
  });

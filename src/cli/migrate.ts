import { ensureRoles, rolesScript } from '../db/roles';
import type { CommandContext, CommonOptions } from './context';
import { type DatabaseSession, ROLES_HINT, withDatabase } from './session';

interface MigrateOptions extends CommonOptions {
  readonly printRoles?: boolean;
}

/** Makes the roles, or says who has to. */
const makeRoles = async (
  { output }: CommandContext,
  { pool, config }: DatabaseSession,
): Promise<string[]> => {
  const roles = [...(await ensureRoles(pool, config)).values()].sort();
  if (roles.length > 0) output.line(`roles: ${roles.join(', ')}`);
  else if (config.setRoles !== 'off') output.note(ROLES_HINT);
  return roles;
};

/** `strata migrate` */
export const migrateCommand = (context: CommandContext, options: MigrateOptions): Promise<number> =>
  withDatabase(context, { role: 'migrate' }, async (session) => {
    const { output } = context;
    const { migrated, databaseUuid, pool, config } = session;
    if (options.printRoles === true) {
      const script = await rolesScript(pool, config.rolePrefix);
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

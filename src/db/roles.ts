import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { sqlLiteral } from '../compiler/identifiers';
import { StrataError } from '../domain/errors';
import { PACKAGE_ROOT } from '../package-root';
import { schemaVersion } from './migrate';
import { rawSql } from './raw-sql';
import { rolePrefixOf } from './role-prefix';
import { sql } from './sql';
import { isSqlState } from './sqlstate';

const ROLES_SCRIPT = join(PACKAGE_ROOT, 'sql', 'roles.sql');
/** Not permitted; or a relation that changes hands is in use for too long: then the next start tries again. */
const NOT_NOW = new Set(['42501', '55P03', '40P01']);
/** How long the script waits for each relation that is to change hands. */
const HANDOVER_WAIT = '5s';

const PARTS = ['loader', 'transformer', 'reader'] as const;
/** What a role is for: `loader` ingests, `transformer` runs models, `reader` looks. */
export type Part = (typeof PARTS)[number];

/** The roles that this login may act as, by part: all of them, or none. */
export type Roles = ReadonlyMap<Part, string>;
export const NO_ROLES: Roles = new Map();

/** `auto`: as roles where that is permitted; `on`: never otherwise; `off`: as the login role. */
export type RoleMode = 'auto' | 'on' | 'off';

export interface RoleSettings {
  readonly setRoles: RoleMode;
  /** What the roles' names begin with; default: what they were made with, else a name after the database's. */
  readonly rolePrefix?: string | undefined;
}

const roleName = (prefix: string, part: Part): string => `${prefix}_${part}`;

/** Changes with what the script gives, and with what there is to give. */
const version = (script: string): string =>
  createHash('sha256').update(script).update(schemaVersion()).digest('hex').slice(0, 16);

const StateRow = z.object({
  login: z.string(),
  database: z.string(),
  may_make: z.boolean(),
  roles: z.array(
    z.object({
      part: z.enum(PARTS),
      role_name: z.string(),
      version: z.string(),
      exists: z.boolean(),
      usable: z.boolean(),
    }),
  ),
});
type State = z.infer<typeof StateRow>;

const readState = (db: CommonQueryMethods): Promise<State> =>
  db.one(sql.type(StateRow)`
    select
      session_user::text as login,
      current_database()::text as database,
      (select u.rolsuper or u.rolcreaterole from pg_roles as u where u.rolname = session_user) as may_make,
      coalesce((
        select jsonb_agg(jsonb_build_object(
          'part', a.part, 'role_name', a.role_name, 'version', a.version, 'exists', r.oid is not null,
          'usable', coalesce(pg_has_role(
            session_user, r.oid,
            case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
          ), false)
        ))
        from ops.access_role as a
        left join pg_roles as r on r.rolname = a.role_name
      ), '[]') as roles
  `);

const readScript = (): string => readFileSync(ROLES_SCRIPT, 'utf8');

const fillIn = (script: string, { login, prefix }: { login: string; prefix: string }): string =>
  script.replace(/:(loader|transformer|reader|login|version):/g, (_, word: Part | 'login' | 'version') => {
    if (word === 'version') return sqlLiteral(version(script));
    return sqlLiteral(word === 'login' ? login : roleName(prefix, word));
  });

const prefixFor = ({ roles, database }: State, prefix: string | undefined): string => {
  const recorded = roles.find(({ part }) => part === 'loader')?.role_name.replace(/_loader$/, '');
  return prefix ?? recorded ?? rolePrefixOf(database);
};

/** One statement that makes the roles, and gives them and the login role what they need; for an administrator to run. */
export const rolesScript = async (pool: CommonQueryMethods, prefix?: string): Promise<string> => {
  const state = await readState(pool);
  return fillIn(readScript(), { login: state.login, prefix: prefixFor(state, prefix) });
};

const isCurrent = (state: State, prefix: string | undefined): boolean => {
  const expected = version(readScript());
  const wanted = prefixFor(state, prefix);
  return (
    state.roles.length === PARTS.length &&
    state.roles.every(
      (role) => role.usable && role.version === expected && role.role_name === roleName(wanted, role.part),
    )
  );
};

const rolesOf = ({ roles }: State): Roles => new Map(roles.map((role) => [role.part, role.role_name]));

/** Whether trying can help: roles that an administrator has made may be given more by who owns the tables. */
const mayHelp = ({ may_make, roles }: State): boolean =>
  may_make || (roles.length === PARTS.length && roles.every(({ exists }) => exists));

/** Runs the script, unless another process has just done so. */
const applyScript = (pool: DatabasePool, prefix: string | undefined): Promise<void> =>
  pool.transaction(async (transaction) => {
    await transaction.query(
      sql.typeAlias('void')`select pg_advisory_xact_lock(hashtextextended('strata:roles', 0))`,
    );
    const state = await readState(transaction);
    if (isCurrent(state, prefix)) return;
    await transaction.query(sql.typeAlias('void')`select set_config('lock_timeout', ${HANDOVER_WAIT}, true)`);
    const script = fillIn(readScript(), { login: state.login, prefix: prefixFor(state, prefix) });
    await transaction.query(rawSql(script));
  });

/**
 * The roles to act as in a migrated database. Makes them and gives them what they need where that is permitted and not
 * done yet, all or nothing; costs one query where it is. None where they may not be made or used, or aren't wanted.
 * Safe for several processes and databases at once. @throws ROLES_UNAVAILABLE when they are required
 */
export const ensureRoles = async (
  pool: DatabasePool,
  { setRoles, rolePrefix }: RoleSettings,
): Promise<Roles> => {
  if (setRoles === 'off') return NO_ROLES;
  const before = await readState(pool);
  if (isCurrent(before, rolePrefix)) return rolesOf(before);
  let cause: unknown;
  if (mayHelp(before)) {
    try {
      await applyScript(pool, rolePrefix);
      return rolesOf(await readState(pool));
    } catch (error) {
      if (!isSqlState(error, NOT_NOW)) throw error;
      cause = error;
    }
  }
  if (setRoles === 'auto') return NO_ROLES;
  throw new StrataError(
    'ROLES_UNAVAILABLE',
    `${before.login} may not make or use the roles of database ${before.database}`,
    { cause },
  );
};

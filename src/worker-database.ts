import type { DatabasePool } from 'slonik';
import type { Config } from './config';
import { openAsPart, type PartConnection } from './db/acting-role';
import { migrate } from './db/migrate';
import { createWarehousePool } from './db/pool';
import { ensureRoles, type Roles } from './db/roles';
import { explainDatabase } from './explain-database';
import type { Logger } from './observability/logger';

/** Connections of the activities, each of which uses one or two at a time. */
const POOL_SIZE = 20;
/**
 * The same ones where parts act as roles of their own. Each node holds one of the transformer's; loads use one for
 * moments, beside that of their COPY; the login role's are for what owns strata's own tables.
 */
const PART_POOL_SIZE = { loader: 6, transformer: 12, login: 2 } as const;
const APPLICATION_NAME = 'strata worker';
const NO_ROLES_WARNING =
  'no permission to make or use the roles of least privilege: all parts act as the login role; ' +
  'an administrator may run what this prints: strata migrate --print-roles';

export interface WorkerDatabaseOptions {
  readonly config: Pick<Config, 'setRoles' | 'rolePrefix'>;
  readonly databaseUrl: string;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
}

/** The database, migrated; and what each part connects with: as its role, or as the login role. */
export interface WorkerDatabase extends PartConnection {
  readonly loader: PartConnection;
  readonly transformer: PartConnection;
  readonly close: () => Promise<void>;
}

const openAs = (
  { databaseUrl, lookEveryMs }: WorkerDatabaseOptions,
  roles: Roles,
  part: 'loader' | 'transformer',
): Promise<PartConnection> =>
  openAsPart(
    databaseUrl,
    { roles, part },
    { applicationName: APPLICATION_NAME, maximumPoolSize: PART_POOL_SIZE[part], lookEveryMs },
  );

const openPool = (
  { databaseUrl, lookEveryMs }: WorkerDatabaseOptions,
  maximumPoolSize: number,
): Promise<DatabasePool> =>
  createWarehousePool(databaseUrl, { applicationName: APPLICATION_NAME, maximumPoolSize, lookEveryMs });

const openParts = async (
  options: WorkerDatabaseOptions,
  { login, roles }: { login: DatabasePool; roles: Roles },
): Promise<WorkerDatabase> => {
  const loader = await openAs(options, roles, 'loader');
  const transformer = await openAs(options, roles, 'transformer');
  const pools = [loader.pool, transformer.pool, login];
  const close = async (): Promise<void> => {
    await Promise.all(pools.map((pool) => pool.end()));
  };
  return { pool: login, databaseUrl: options.databaseUrl, loader, transformer, close };
};

const openUndivided = async (options: WorkerDatabaseOptions): Promise<WorkerDatabase> => {
  const pool = await openPool(options, POOL_SIZE);
  const all = { pool, databaseUrl: options.databaseUrl };
  return { ...all, loader: all, transformer: all, close: () => pool.end() };
};

/** Migrates, and divides the connections between the roles, where there are roles. @throws ROLES_UNAVAILABLE */
export const openWorkerDatabase = async (
  options: WorkerDatabaseOptions,
  logger: Logger,
): Promise<WorkerDatabase> => {
  const { config, databaseUrl } = options;
  let login: DatabasePool | undefined;
  try {
    login = await openPool(options, PART_POOL_SIZE.login);
    await migrate(login);
    const roles = await ensureRoles(login, config);
    if (roles.size > 0) return await openParts(options, { login, roles });
    if (config.setRoles !== 'off') logger.warn(NO_ROLES_WARNING);
    await login.end();
    return await openUndivided(options);
  } catch (error) {
    await login?.end();
    throw explainDatabase(error, databaseUrl);
  }
};

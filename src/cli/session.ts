import { type Config, loadConfig } from '../config';
import type { Part } from '../db/roles';
import type { StackMember } from '../stack';
import type { CommandContext } from './context';
import { type InlineWorker, startInlineWorker, willNeedWorker } from './inline-worker';
import { createOpenParts, type OpenParts } from './open-parts';
import {
  breathe,
  fromStack,
  leaseWorkerOf,
  openDatabase,
  type OpenedDatabase,
  type OpenedTemporal,
  openStack,
  openTemporal,
  preloadTemporal,
  settleAll,
} from './open-steps';

/** Where the roles of least privilege can't be made. */
export const ROLES_HINT =
  'warning: works as the login role: no permission to make or use the roles of least privilege; an administrator ' +
  'may run what this prints: strata migrate --print-roles';

export interface DatabaseSession extends OpenedDatabase {
  readonly config: Config;
  readonly warehouse: string;
  /** The embedded servers, if any is used. */
  readonly stack?: StackMember | undefined;
}

export interface Session extends DatabaseSession, OpenedTemporal {
  /** Whether this process runs a worker itself. */
  readonly hasOwnWorker: () => boolean;
}

export interface SessionOptions {
  /** Shown in the lease and to PostgreSQL: the command's name. */
  readonly role: string;
  /** What it does with the database: it acts as this part's role. Default: as the login role. */
  readonly as?: Part;
  /** Changes the configuration: the demo's database is always one of its own. */
  readonly configure?: (config: Config) => Config;
  /** Derives the database's URL from the embedded server's, making the database. */
  readonly prepareDatabase?: (embeddedUrl: string) => Promise<string>;
}

const readConfig = (context: CommandContext, options: SessionOptions): Config => {
  const config = loadConfig(process.env, context.flags);
  return options.configure?.(config) ?? config;
};

const databaseUrlOf = async (
  config: Config,
  options: SessionOptions,
  stack: Promise<StackMember | undefined>,
): Promise<string> => {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const embeddedUrl = fromStack((await stack)?.databaseUrl, 'database URL');
  return options.prepareDatabase?.(embeddedUrl) ?? embeddedUrl;
};

/** Says once that the roles are missing: to who makes or upgrades a warehouse. */
const noteMissingRoles = (
  output: CommandContext['output'],
  { as }: SessionOptions,
  { roles, migrated }: OpenedDatabase,
): void => {
  if (as !== undefined && roles.size === 0 && migrated.length > 0) output.note(ROLES_HINT);
};

/** Opens the database alone, migrated; closes all when `work` is done or fails. */
export const withDatabase = async <T>(
  context: CommandContext,
  options: SessionOptions,
  work: (session: DatabaseSession) => Promise<T>,
): Promise<T> => {
  const { output, signal } = context;
  const config = readConfig(context, options);
  const parts = createOpenParts(output.note);
  try {
    const needs = { postgres: config.databaseUrl === undefined, temporal: false };
    const stack = openStack(config, { role: options.role, needs, log: output.progress, signal }, parts);
    const databaseUrl = await databaseUrlOf(config, options, stack);
    const database = await openDatabase({ ...options, databaseUrl, config }, parts);
    noteMissingRoles(output, options, database);
    signal.throwIfAborted();
    output.progress('');
    return await work({ config, warehouse: config.warehouse, ...database, stack: await stack });
  } finally {
    await parts.closeAll();
  }
};

export interface TemporalSession extends OpenedTemporal {
  readonly config: Config;
  readonly warehouse: string;
}

/** Opens Temporal alone; closes all when `work` is done or fails. */
export const withTemporalAlone = async <T>(
  context: CommandContext,
  { role }: SessionOptions,
  work: (session: TemporalSession) => Promise<T>,
): Promise<T> => {
  const { output, signal, flags } = context;
  const config = loadConfig(process.env, flags);
  const parts = createOpenParts(output.note);
  try {
    const needs = { postgres: false, temporal: config.temporal.address === undefined };
    const stack = await openStack(config, { role, needs, log: output.progress, signal }, parts);
    const address = config.temporal.address ?? fromStack(stack?.temporalAddress, 'Temporal address');
    const opened = await openTemporal({ ...config.temporal, address }, parts);
    signal.throwIfAborted();
    output.progress('');
    return await work({ config, warehouse: config.warehouse, ...opened });
  } finally {
    await parts.closeAll();
  }
};

/** With an external Temporal a worker is expected to run elsewhere, unless one's own is asked for. */
const mayRunWorker = (config: Config): boolean =>
  config.temporal.address === undefined || config.inlineWorker;

export type Servers = DatabaseSession & OpenedTemporal;

const openServers = async <P>(
  { output, signal }: CommandContext,
  how: {
    config: Config;
    options: SessionOptions;
    prepare: (config: Config) => Promise<P>;
    /** Whether a worker's code is loaded meanwhile. */
    withWorker: boolean;
  },
  parts: OpenParts,
): Promise<readonly [Servers, P]> => {
  const { config, options } = how;
  const external = config.temporal.address;
  const needs = { postgres: config.databaseUrl === undefined, temporal: external === undefined };
  const stack = openStack(config, { role: options.role, needs, log: output.progress, signal }, parts);
  const database = databaseUrlOf(config, options, stack).then((databaseUrl) =>
    openDatabase({ ...options, databaseUrl, config }, parts),
  );
  const temporal = preloadTemporal(how.withWorker).then(async () => {
    const address = external ?? fromStack((await stack)?.temporalAddress, 'Temporal address');
    return openTemporal({ ...config.temporal, address }, parts);
  });
  const prepared = breathe().then(() => how.prepare(config));
  const [joined, ...opened] = await settleAll([stack, database, temporal, prepared]);
  noteMissingRoles(output, options, opened[0]);
  return [{ config, warehouse: config.warehouse, ...opened[0], ...opened[1], stack: joined }, opened[2]];
};

const openWorker = async (servers: Servers, parts: OpenParts): Promise<InlineWorker | undefined> => {
  const { config, warehouse, databaseUrl, temporal, stack } = servers;
  if (!mayRunWorker(config)) return undefined;
  const serves = leaseWorkerOf(warehouse, databaseUrl, temporal);
  const worker = await startInlineWorker({ config, warehouse, databaseUrl, temporal, stack, serves });
  parts.keep('worker', worker.close);
  return worker;
};

export interface SessionSteps<P, T> {
  /** What can be done while the servers start. */
  readonly prepare: (config: Config) => Promise<P>;
  readonly work: (session: Session, prepared: P) => Promise<T>;
}

/**
 * Opens what a command that talks to workflows needs: the database, Temporal, and a worker in this process where no
 * other one serves. Closes all of it when `work` is done or fails. If the worker breaks, so does `work`.
 */
export const withSession = async <P, T>(
  context: CommandContext,
  options: SessionOptions,
  steps: SessionSteps<P, T>,
): Promise<T> => {
  const config = readConfig(context, options);
  const parts = createOpenParts(context.output.note);
  try {
    const { prepare } = steps;
    const [servers, prepared] = await openServers(
      context,
      { config, options, prepare, withWorker: mayRunWorker(config) && willNeedWorker(config) },
      parts,
    );
    context.signal.throwIfAborted();
    const worker = await openWorker(servers, parts);
    context.output.progress('');
    const working = steps.work({ ...servers, hasOwnWorker: () => worker?.isRunning() ?? false }, prepared);
    return await (worker ? Promise.race([working, worker.broken]) : working);
  } finally {
    await parts.closeAll();
  }
};

/** Opens the servers for a command that runs a worker itself, registered in `parts`; closes all of it at the end. */
export const withServers = async <T>(
  context: CommandContext,
  options: SessionOptions,
  work: (servers: Servers, parts: OpenParts) => Promise<T>,
): Promise<T> => {
  const config = readConfig(context, options);
  const parts = createOpenParts(context.output.note);
  try {
    const prepare = (): Promise<undefined> => Promise.resolve(undefined);
    const [servers] = await openServers(context, { config, options, prepare, withWorker: true }, parts);
    context.signal.throwIfAborted();
    return await work(servers, parts);
  } finally {
    await parts.closeAll();
  }
};

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StrataError } from '../domain/errors';
import { choosePort } from './ports';
import { postgresRuntime, type PostgresRuntime } from './postgres-account';
import { postgresBinaries } from './postgres-binaries';
import { ensureCluster, homePassword, POSTGRES_DATABASE, POSTGRES_USER } from './postgres-cluster';
import { postgresSettings } from './postgres-settings';
import {
  identify,
  listProcesses,
  type ProcessCommand,
  type ProcessIdentity,
  stopProcess,
  type StopStep,
  waitForEnd,
} from './process-identity';
import { logSize, logTail, startServer, tellingLine, waitUntilReady } from './server-process';
import type { StackPaths } from './stack-paths';
import { type PostgresServer, readStackState, updateStackState } from './stack-state';

export const DEFAULT_POSTGRES_PORT = 5432;
/** Recovery replays up to max_wal_size after a crash. */
const READY_TIMEOUT_MS = 240_000;
const NOTICE_AFTER_MS = 3_000;
const ATTEMPTS = 3;
/** Fast, then immediate shutdown; by force only what does not react at all. */
const STOP: readonly StopStep[] = [
  { signal: 'SIGINT', waitMs: 60_000 },
  { signal: 'SIGQUIT', waitMs: 10_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];
/** A backend whose postmaster is gone ends by itself as soon as it looks; a busy one is told. */
const STOP_ORPHAN: readonly StopStep[] = [
  { signal: 'SIGQUIT', waitMs: 3_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];
const ORPHAN_GRACE_MS = 1_000;

const logPathOf = (paths: StackPaths): string => join(paths.logs, 'postgres.log');

export const databaseUrl = (paths: StackPaths, port: number): string => {
  const password = readFileSync(paths.password, 'utf8').trim();
  return `postgresql://${POSTGRES_USER}:${password}@127.0.0.1:${port}/${POSTGRES_DATABASE}`;
};

const isPostmasterOf =
  (marker: string) =>
  ({ argv }: ProcessCommand): boolean =>
    argv[0]?.includes('postgres') === true && argv.some((word) => word.includes(`cluster_name=${marker}`));

const isBackendOf =
  (marker: string) =>
  ({ argv }: ProcessCommand): boolean =>
    argv[0]?.startsWith(`postgres: ${marker}: `) === true;

const identifyAll = (processes: readonly ProcessCommand[]): ProcessIdentity[] =>
  processes.flatMap(({ pid }) => identify(pid) ?? []);

/** Ends what a killed process left behind on this home's data: a server not in stack.json, or backends without one. */
const stopStrays = async (paths: StackPaths): Promise<void> => {
  for (const postmaster of identifyAll(listProcesses().filter(isPostmasterOf(paths.marker))))
    await stopProcess(postmaster, STOP);
  for (const backend of identifyAll(listProcesses().filter(isBackendOf(paths.marker))))
    if (!(await waitForEnd(backend, ORPHAN_GRACE_MS))) await stopProcess(backend, STOP_ORPHAN);
};

/**
 * After a crash the pid in postmaster.pid may belong to anybody by now, and PostgreSQL would refuse to start.
 * @throws STACK_FAILED when a server that is not ours runs on the data.
 */
const removeStalePidFile = (dataDir: string): void => {
  const path = join(dataDir, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
  const holder = listProcesses().find((process) => process.pid === pid);
  if (holder?.argv.some((word) => word.includes(dataDir)))
    throw new StrataError(
      'STACK_FAILED',
      `Process ${pid} runs PostgreSQL on ${dataDir}, and strata did not start it`,
    );
  rmSync(path, { force: true });
};

/** The server writes its pid into the first line, and `ready` into the eighth when it takes connections. */
const isReady = (dataDir: string, pid: number): boolean => {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
};

const awaitReady = async (
  paths: StackPaths,
  dataDir: string,
  server: ProcessIdentity,
  log: (line: string) => void,
): Promise<boolean> => {
  const notice = setTimeout(
    () => log('PostgreSQL recovers from a crash, which can take minutes'),
    NOTICE_AFTER_MS,
  );
  try {
    const outcome = await waitUntilReady(
      server,
      () => Promise.resolve(isReady(dataDir, server.pid)),
      READY_TIMEOUT_MS,
    );
    if (outcome === 'late') {
      await stopProcess(server, STOP);
      throw new StrataError('STACK_FAILED', `PostgreSQL was not ready in time (log ${logPathOf(paths)})`);
    }
    return outcome === 'ready';
  } finally {
    clearTimeout(notice);
  }
};

const launch = async (
  runtime: PostgresRuntime,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
  logPath: string,
): Promise<ProcessIdentity | undefined> => {
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return startServer(runtime.command('postgres', ['-D', dataDir, ...words]), logPath);
};

export interface StartPostgresOptions {
  readonly paths: StackPaths;
  /** 0: any free port. */
  readonly preferredPort: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/** Starts the server; undefined when it ended before it was ready. */
const attempt = async (
  options: StartPostgresOptions,
  runtime: PostgresRuntime,
  dataDir: string,
  port: number,
): Promise<PostgresServer | undefined> => {
  const { paths, settings, log } = options;
  const all = postgresSettings(port, paths.marker, settings);
  const identity = await launch(runtime, dataDir, all, logPathOf(paths));
  if (!identity) return undefined;
  const server = { ...identity, port, dataDir, settings: { ...settings }, ready: false };
  updateStackState(paths.state, { postgres: server });
  if (!(await awaitReady(paths, dataDir, identity, log))) return undefined;
  updateStackState(paths.state, { postgres: { ...server, ready: true } });
  return { ...server, ready: true };
};

/**
 * Starts PostgreSQL on this home's data, which it makes when there are none, and waits until it takes connections.
 * Callers hold the stack's lock and know that no server of stack.json lives. @throws STACK_FAILED
 */
export const startPostgres = async (options: StartPostgresOptions): Promise<PostgresServer> => {
  const { paths, preferredPort, log } = options;
  await stopStrays(paths);
  const secret = homePassword(paths.password);
  const nativeDir = postgresBinaries(paths.bin);
  const runtime = postgresRuntime({
    nativeDir,
    dataRoot: paths.postgres,
    marker: paths.marker,
    password: secret.password,
  });
  if (existsSync(join(runtime.dataRoot, 'data'))) removeStalePidFile(join(runtime.dataRoot, 'data'));
  const dataDir = await ensureCluster({
    runtime,
    secret,
    logPath: logPathOf(paths),
    log,
    durability: options.settings.fsync === 'off' ? 'unsafe' : 'safe',
  });
  const lastPort = readStackState(paths.state).postgres?.port ?? 0;
  const logFrom = logSize(logPathOf(paths));
  const taken = new Set<number>();
  for (let count = 0; count < ATTEMPTS; count++) {
    const port = await choosePort([lastPort, preferredPort], taken);
    const server = await attempt(options, runtime, dataDir, port);
    if (server) return server;
    // Another may have taken the port between the look and the start.
    taken.add(port);
  }
  const line = tellingLine(logTail(logPathOf(paths), logFrom));
  throw new StrataError('STACK_FAILED', `PostgreSQL did not start: ${line} (log ${logPathOf(paths)})`);
};

/** Waits for a server that another process started and did not wait for. False: it has ended. */
export const awaitStartedPostgres = async (
  paths: StackPaths,
  server: PostgresServer,
  log: (line: string) => void,
): Promise<boolean> => {
  if (server.ready) return true;
  const ready = await awaitReady(paths, server.dataDir, server, log);
  if (ready) updateStackState(paths.state, { postgres: { ...server, ready: true } });
  return ready;
};

/** Disconnects everybody, writes a checkpoint and ends. */
export const stopPostgres = (server: ProcessIdentity): Promise<boolean> => stopProcess(server, STOP);

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod/v4';
import { StrataError } from '../domain/errors';
import { SEARCH_ATTRIBUTE } from '../wire/names';
import { awaitRelease, choosePort, isListening } from './ports';
import {
  identify,
  listProcesses,
  type ProcessIdentity,
  stopProcess,
  type StopStep,
} from './process-identity';
import { type ProgramResult, runProgram } from './run-program';
import { logSize, logTail, startServer, tellingLine, waitUntilReady } from './server-process';
import type { StackPaths } from './stack-paths';
import { readStackState, type TemporalServer, updateStackState } from './stack-state';

export const DEFAULT_TEMPORAL_PORT = 7233;
export const DEFAULT_TEMPORAL_UI_PORT = 8233;
const READY_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 10_000;
const ATTEMPTS = 3;
const STOP: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 15_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];
/** The environment and temporal.toml speak of the servers that a user works with, never of the embedded one. */
const UNCONFIGURED = [
  '--disable-config-env',
  '--disable-config-file',
  '--env',
  'default',
  '--env-file',
  '/dev/null',
];

/**
 * A log written ahead instead of a journal: one wait for the disk a transaction, and not four. `FULL`: that one remains,
 * so what Temporal has answered is on the disk.
 */
const SQLITE = ['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'];
/**
 * How often a second a shard looks for steps to hand out; this server has one shard, and 20 (the default) make each step
 * wait for a slot of 50 ms. It looks only when there are steps.
 */
export const DYNAMIC_CONFIG = { 'history.transferProcessorMaxPollRPS': 1000 };

const SearchAttributeList = z.object({ customAttributes: z.record(z.string(), z.unknown()).optional() });

const logPathOf = (paths: StackPaths): string => join(paths.logs, 'temporal.log');

/** The name under which the server shows in a process list. */
const processName = (marker: string): string => `temporal-${marker}`;

export const temporalAddress = (server: TemporalServer): string => `127.0.0.1:${server.port}`;
export const temporalUiUrl = (server: TemporalServer): string => `http://127.0.0.1:${server.uiPort}`;

const ask = (binary: string, port: number, command: readonly string[]): Promise<ProgramResult> =>
  runProgram(binary, [...command, '--address', `127.0.0.1:${port}`, ...UNCONFIGURED], {
    timeoutMs: CALL_TIMEOUT_MS,
  });

const isServing = async (binary: string, port: number): Promise<boolean> => {
  if (!(await isListening(port))) return false;
  const { ok, stdout } = await ask(binary, port, ['operator', 'cluster', 'health']);
  return ok && stdout.includes('SERVING');
};

/** start-dev registers search attributes in a new database only: here follow those that a newer strata has. */
const registerSearchAttributes = async (binary: string, port: number): Promise<void> => {
  const list = await ask(binary, port, ['operator', 'search-attribute', 'list', '--output', 'json']);
  const known = new Set(knownAttributes(list.stdout));
  const missing = Object.values(SEARCH_ATTRIBUTE).filter((name) => !known.has(name));
  if (missing.length === 0) return;
  const names = missing.flatMap((name) => ['--name', name, '--type', 'Keyword']);
  await ask(binary, port, ['operator', 'search-attribute', 'create', ...names]);
};

/** The custom attributes in what `search-attribute list` prints; none where that is not JSON. */
export const knownAttributes = (json: string): string[] => {
  try {
    return Object.keys(SearchAttributeList.parse(JSON.parse(json)).customAttributes ?? {});
  } catch {
    return [];
  }
};

export interface StartTemporalOptions {
  readonly paths: StackPaths;
  readonly binary: string;
  /** 0: any free port. */
  readonly preferredPort: number;
  readonly preferredUiPort: number;
}

const launch = (options: StartTemporalOptions, port: number, uiPort: number) => {
  const { paths, binary } = options;
  const attributes = Object.values(SEARCH_ATTRIBUTE).flatMap((name) => [
    '--search-attribute',
    `${name}=Keyword`,
  ]);
  // The file is named from the working folder: as part of an SQLite address a path has forbidden letters and a limit.
  const args = ['server', 'start-dev', '--db-filename', 'temporal.db', '--ip', '127.0.0.1'];
  const ports = ['--port', String(port), '--ui-port', String(uiPort)];
  const settings = Object.entries(DYNAMIC_CONFIG).flatMap(([name, value]) => [
    '--dynamic-config-value',
    `${name}=${value}`,
  ]);
  return startServer(
    {
      file: binary,
      argv0: processName(paths.marker),
      args: [
        ...args,
        ...ports,
        ...SQLITE,
        ...settings,
        '--log-level',
        'error',
        ...UNCONFIGURED,
        ...attributes,
      ],
      cwd: paths.temporal,
    },
    logPathOf(paths),
  );
};

const awaitReady = async (
  paths: StackPaths,
  binary: string,
  server: TemporalServer,
): Promise<TemporalServer | undefined> => {
  const outcome = await waitUntilReady(server, () => isServing(binary, server.port), READY_TIMEOUT_MS);
  if (outcome === 'late') {
    await stopProcess(server, STOP);
    throw new StrataError('STACK_FAILED', `Temporal was not ready in time (log ${logPathOf(paths)})`);
  }
  if (outcome === 'ended') return undefined;
  await registerSearchAttributes(binary, server.port);
  const ready = { ...server, ready: true };
  updateStackState(paths.state, { temporal: ready });
  return ready;
};

const stopStrays = async (marker: string): Promise<void> => {
  const name = processName(marker);
  for (const { pid, argv } of listProcesses()) {
    if (argv[0] !== name && !argv[0]?.startsWith(`${name} `)) continue;
    const stray = identify(pid);
    if (stray) await stopProcess(stray, STOP);
  }
};

const attempt = async (
  options: StartTemporalOptions,
  port: number,
  uiPort: number,
): Promise<TemporalServer | undefined> => {
  const identity = await launch(options, port, uiPort);
  if (!identity) return undefined;
  const server = { ...identity, port, uiPort, ready: false };
  updateStackState(options.paths.state, { temporal: server });
  return awaitReady(options.paths, options.binary, server);
};

/**
 * Starts the Temporal dev server on this home's database and waits until it answers calls. Callers hold the stack's
 * lock and know that no server of stack.json lives. @throws STACK_FAILED
 */
export const startTemporal = async (options: StartTemporalOptions): Promise<TemporalServer> => {
  const { paths, preferredPort, preferredUiPort } = options;
  await stopStrays(paths.marker);
  mkdirSync(paths.temporal, { recursive: true });
  const last = readStackState(paths.state).temporal;
  if (last) await awaitRelease([last.port, last.uiPort]);
  const logFrom = logSize(logPathOf(paths));
  const taken = new Set<number>();
  for (let count = 0; count < ATTEMPTS; count++) {
    const port = await choosePort([last?.port ?? 0, preferredPort], taken);
    const uiPort = await choosePort([last?.uiPort ?? 0, preferredUiPort], new Set([...taken, port]));
    const server = await attempt(options, port, uiPort);
    if (server) return server;
    // Another may have taken a port between the look and the start.
    taken.add(port).add(uiPort);
  }
  const line = tellingLine(logTail(logPathOf(paths), logFrom));
  throw new StrataError('STACK_FAILED', `Temporal did not start: ${line} (log ${logPathOf(paths)})`);
};

/** Waits for a server that another process started and did not wait for. False: it has ended. */
export const awaitStartedTemporal = async (
  paths: StackPaths,
  binary: string,
  server: TemporalServer,
): Promise<boolean> => server.ready || (await awaitReady(paths, binary, server)) !== undefined;

export const stopTemporal = (server: ProcessIdentity): Promise<boolean> => stopProcess(server, STOP);

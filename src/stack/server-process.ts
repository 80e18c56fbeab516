import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StrataError } from '../domain/errors';
import { identify, isAlive, type ProcessIdentity } from './process-identity';

const MAX_LOG_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 4_096;
const POLL_MS = 10;

export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly argv0?: string;
  readonly uid?: number;
  readonly gid?: number;
}

const rotate = (logPath: string): void => {
  try {
    if (statSync(logPath).size > MAX_LOG_BYTES) renameSync(logPath, `${logPath}.1`);
  } catch {
    // No log yet.
  }
};

const started = (child: ChildProcess, file: string): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new StrataError('STACK_FAILED', `${file} could not be run (${cause.message})`, { cause })),
    );
    child.once('spawn', () => resolve(child.pid as number));
  });

/**
 * Starts a server that outlives this process: its own session, its output appended to the log.
 * Undefined when it had ended at once. @throws STACK_FAILED when it cannot be run at all.
 */
export const startServer = async (
  command: ServerCommand,
  logPath: string,
): Promise<ProcessIdentity | undefined> => {
  rotate(logPath);
  const log = openSync(logPath, 'a', 0o600);
  try {
    const { file, args, ...where } = command;
    const options: SpawnOptions = { ...where, detached: true, stdio: ['ignore', log, log] };
    const child = spawn(file, args, options);
    const pid = await started(child, file);
    child.unref();
    return identify(pid);
  } finally {
    closeSync(log);
  }
};

/** The end of a log, from `fromByte` on. */
export const logTail = (logPath: string, fromByte = 0): string => {
  const log = openSync(logPath, 'r');
  try {
    const { size } = fstatSync(log);
    const from = Math.max(fromByte <= size ? fromByte : 0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - from);
    readSync(log, buffer, 0, buffer.length, from);
    return buffer.toString('utf8');
  } finally {
    closeSync(log);
  }
};

export const logSize = (logPath: string): number => {
  try {
    return statSync(logPath).size;
  } catch {
    return 0;
  }
};

/** The line of a log that says most: the last that speaks of an error, else the last. */
export const tellingLine = (tail: string): string => {
  const lines = tail.split('\n').filter((line) => line.trim() !== '');
  return (lines.findLast((line) => /\b(FATAL|PANIC|ERROR|error)\b/.test(line)) ?? lines.at(-1) ?? '').trim();
};

export type ReadyOutcome = 'ready' | 'ended' | 'late';

/** Asks `isReady` until it says yes, the server ends, or the time is over. */
export const waitUntilReady = async (
  server: ProcessIdentity,
  isReady: () => Promise<boolean>,
  timeoutMs: number,
): Promise<ReadyOutcome> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    // Whether it lives is asked last: what answered may have been a stranger on the same port.
    const ready = await isReady();
    if (!isAlive(server)) return 'ended';
    if (ready) return 'ready';
    if (Date.now() >= deadline) return 'late';
    await sleep(POLL_MS);
  }
};

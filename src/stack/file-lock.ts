import { randomUUID } from 'node:crypto';
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod/v4';
import { StrataError } from '../domain/errors';
import { identifySelf, isAlive } from './process-identity';

const LockHolder = z.object({ pid: z.number(), startTime: z.string(), nonce: z.string() });
type LockHolder = z.infer<typeof LockHolder>;

const POLL_MS = 20;
const NOTICE_AFTER_MS = 2_000;
/** Longer than any start or stop of the servers takes; only a holder that hangs keeps a lock so long. */
const DEFAULT_TIMEOUT_MS = 300_000;

export interface LockOptions {
  readonly timeoutMs?: number;
  readonly log?: (line: string) => void;
  /** What a holder does, for the line that says why one waits. */
  readonly holderDoes?: string;
  /** Gives up waiting; the work itself goes on once it has begun. */
  readonly signal?: AbortSignal | undefined;
}

interface Wait extends LockOptions {
  readonly deadline: number;
}

const readHolder = (path: string): LockHolder | undefined => {
  try {
    return LockHolder.parse(JSON.parse(readlinkSync(path)));
  } catch {
    return undefined;
  }
};

/**
 * The lock is a symbolic link whose target is text: made in one step together with its content, never half-written,
 * and refused when it exists.
 */
const tryTake = (path: string, nonce: string): boolean => {
  try {
    symlinkSync(JSON.stringify({ ...identifySelf(), nonce }), path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

const drop = (path: string, nonce: string): void => {
  if (readHolder(path)?.nonce === nonce) unlinkSync(path);
};

/**
 * Removes the lock of a holder that died. Two that see the same dead holder could each remove what stands there then,
 * a living one's lock included: so the removal itself needs a lock, named for that one holding.
 */
const removeDead = async (path: string, dead: LockHolder, { deadline }: Wait): Promise<void> => {
  const release = await take(`${path}.${dead.nonce.slice(0, 8)}`, { deadline });
  try {
    drop(path, dead.nonce);
  } finally {
    release();
  }
};

const take = async (path: string, wait: Wait): Promise<() => void> => {
  const nonce = randomUUID();
  const noticeAt = Date.now() + NOTICE_AFTER_MS;
  let noticed = false;
  while (!tryTake(path, nonce)) {
    wait.signal?.throwIfAborted();
    const holder = readHolder(path);
    if (holder && !isAlive(holder)) {
      await removeDead(path, holder, wait);
      continue;
    }
    if (Date.now() >= wait.deadline)
      throw new StrataError('STACK_FAILED', `${path} is held by process ${holder?.pid ?? 'unknown'}`);
    if (holder && !noticed && Date.now() >= noticeAt) {
      noticed = true;
      wait.log?.(`waiting for process ${holder.pid}, which ${wait.holderDoes ?? 'uses the same files'}`);
    }
    await sleep(POLL_MS);
  }
  return () => drop(path, nonce);
};

/**
 * Runs `work` while no other holder of the same lock runs, in this process or another. The lock of a process that
 * died is taken over. @throws STACK_FAILED when a living process keeps it longer than the time.
 */
export const withFileLock = async <T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> => {
  const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const release = await take(path, { ...options, deadline });
  try {
    return await work();
  } finally {
    release();
  }
};

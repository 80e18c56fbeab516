import { createHash } from 'node:crypto';
import { mkdirSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const SHARED_MEMORY = '/dev/shm';
const TMPFS = 0x01021994;
/** The servers of a run of all tests hold some hundreds of megabytes. */
const ENOUGH_BYTES = 4 * 1024 ** 3;

/** A folder in memory of this checkout and user, where the system has plenty of it (Linux); else nothing. */
export const memoryFolder = (checkout: string): string | undefined => {
  try {
    const { type, bavail, bsize } = statfsSync(SHARED_MEMORY);
    if (type !== TMPFS || Math.min(bavail * bsize, freemem()) < ENOUGH_BYTES) return undefined;
    const name = createHash('sha256').update(`${process.getuid?.()} ${checkout}`).digest('hex').slice(0, 16);
    const folder = join(SHARED_MEMORY, `strata-test-${name}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch {
    return undefined;
  }
};

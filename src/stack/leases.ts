import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod/v4';
import { readJsonFile, writeJsonFile } from './json-file';
import { identifySelf, isAlive } from './process-identity';

/** The worker that a process runs, for others to see whether they need one of their own. */
const LeaseWorker = z.object({
  warehouse: z.string(),
  /** Digest of host, port and database. */
  database: z.string(),
  /** Address and namespace. */
  temporal: z.string(),
});
export type LeaseWorker = Readonly<z.infer<typeof LeaseWorker>>;

const Lease = z.object({
  pid: z.number(),
  startTime: z.string(),
  role: z.string(),
  worker: LeaseWorker.optional(),
});
export type Lease = Readonly<z.infer<typeof Lease>>;

export interface StoredLease extends Lease {
  readonly path: string;
}

/** Writes a lease of this process and returns the path that is its name. Several per process are fine. */
export const addLease = (dir: string, role: string): string => {
  const path = join(dir, `${process.pid}-${randomUUID().slice(0, 8)}.json`);
  writeJsonFile(path, { ...identifySelf(), role } satisfies Lease);
  return path;
};

export const announceWorker = (path: string, worker: LeaseWorker): void => {
  const lease = readJsonFile(path, Lease);
  if (lease) writeJsonFile(path, { ...lease, worker } satisfies Lease);
};

export const removeLease = (path: string): void => rmSync(path, { force: true });

const storedLeases = (dir: string): StoredLease[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const path = join(dir, name);
      const lease = readJsonFile(path, Lease);
      return lease ? [{ ...lease, path }] : [];
    });

/** The leases whose holders live. Needs no lock. */
export const livingLeases = (dir: string): StoredLease[] => storedLeases(dir).filter(isAlive);

/** Removes everything but living leases: holders that died, files that nobody can read. Callers hold the lock. */
export const sweepLeases = (dir: string): StoredLease[] => {
  const living = livingLeases(dir);
  const keep = new Set(living.map(({ path }) => path));
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (!keep.has(path)) removeLease(path);
  }
  return living;
};

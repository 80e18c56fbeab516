import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where an embedded stack keeps everything it has: below one folder, so that two checkouts never meet. */
export interface StackPaths {
  readonly home: string;
  /** Cached binaries; may be shared by several homes. */
  readonly bin: string;
  readonly lock: string;
  readonly leases: string;
  readonly state: string;
  readonly logs: string;
  readonly password: string;
  readonly postgres: string;
  readonly temporal: string;
  /** A word in the command line of every server of this home and of no other. */
  readonly marker: string;
}

/** Makes the folders. Idempotent. */
export const stackPaths = (home: string, binaryCache?: string): StackPaths => {
  const given = resolve(home);
  mkdirSync(given, { recursive: true });
  // One home reached through two names (a symbolic link) is one home.
  const root = realpathSync(given);
  const bin = resolve(binaryCache ?? join(root, 'bin'));
  for (const dir of [bin, join(root, 'leases'), join(root, 'logs')]) mkdirSync(dir, { recursive: true });
  return {
    home: root,
    bin,
    lock: join(root, 'lock'),
    leases: join(root, 'leases'),
    state: join(root, 'stack.json'),
    logs: join(root, 'logs'),
    password: join(root, 'password'),
    postgres: join(root, 'postgres'),
    temporal: join(root, 'temporal'),
    marker: `strata-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`,
  };
};

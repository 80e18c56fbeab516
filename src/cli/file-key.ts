import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { isRemote } from '../domain/file-location';
import type { Declaration } from './complete-options';

export interface FileKeyInput {
  /** An absolute path, or an address. */
  readonly file: string;
  /** A database that was made anew must not join a load of its predecessor. */
  readonly databaseUuid: string;
  /** Makes the key the only one of its kind: with --force each call is a load of its own. */
  readonly nonce?: string | undefined;
  /** What the load is declared to be: the same file declared otherwise is another load. */
  readonly declaration?: Declaration | undefined;
}

const identityOf = (file: string): readonly unknown[] => {
  if (isRemote(file)) return [file];
  try {
    const path = realpathSync(file);
    const { size, mtimeMs, ino } = statSync(path);
    return [path, size, mtimeMs, ino];
  } catch {
    // Not on this host, perhaps on the worker's.
    return [file];
  }
};

/** A digest of which file this is, as it is now: the same unchanged file gives the same key. */
export const fileKey = ({ file, databaseUuid, nonce, declaration }: FileKeyInput): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        ...identityOf(file),
        databaseUuid,
        nonce ?? null,
        // Nothing at all where nothing is declared: a load that is running keeps its key over an upgrade.
        ...(declaration ? [declaration.completeAsOf, declaration.maxDeletes ?? null] : []),
      ]),
    )
    .digest('hex')
    .slice(0, 20);

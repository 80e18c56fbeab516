import type { RelationName } from '../compiler/manifest';
import { forgetFile, supersededArchives } from '../db/partition-archives';
import { type ArchiveDeps, removeArchived } from './archive-store';

/**
 * Deletes the files that count no more: of months that came back, and are live or archived anew by now. The file first,
 * then the note of it: killed in between, the next call finds it gone. Returns where they lay.
 */
export const pruneArchives = async (
  deps: Pick<ArchiveDeps, 'pool' | 's3'>,
  { relation, signal }: { readonly relation: RelationName; readonly signal: AbortSignal },
): Promise<string[]> => {
  const removed: string[] = [];
  for (const { archiveId, location } of await supersededArchives(deps.pool, relation)) {
    signal.throwIfAborted();
    if (location === null) continue;
    await removeArchived(deps.s3, location);
    await forgetFile(deps.pool, archiveId);
    removed.push(location);
  }
  return removed;
};

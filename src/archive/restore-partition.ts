import type { RelationName } from '../compiler/manifest';
import { columnsOf, importGroup, restoredProblem } from '../db/archive-rows';
import { restoring, type RestoreInto } from '../db/restore-partition';
import { manifestProblem } from '../domain/archive-manifest';
import { StrataError } from '../domain/errors';
import { type ArchiveDeps, withArchived } from './archive-store';
import { readParquet } from './parquet-file';
import { RowSums, toDatabase } from './parquet-values';

/** Fills a table with the rows of an archive's file. @throws ARCHIVE_DAMAGED where either is not what the manifest says */
const fill = async (
  deps: Pick<ArchiveDeps, 's3'>,
  { transaction, table, archive, signal }: RestoreInto,
): Promise<void> => {
  const { manifest, location } = archive;
  if (!manifest || location === null) throw new Error(`archive ${archive.archiveId} has no file`);
  const standing = await columnsOf(transaction, table);
  // Columns that went since are left out; those that came are NULL.
  const kept = manifest.columns.flatMap((column, index) => {
    const now = standing.find((c) => c.name === column.name);
    return now ? [{ index, column: { ...column, type: now.type } }] : [];
  });
  const sums = new RowSums(manifest.columns);
  const into = kept.map(({ column }) => column);
  await withArchived(deps.s3, location, async (bytes) => {
    for await (const rows of readParquet(bytes, manifest.columns)) {
      signal.throwIfAborted();
      for (const row of rows) sums.add(row);
      await importGroup(
        transaction,
        table,
        into,
        rows.map((row) => kept.map(({ index, column }) => toDatabase(column.kind, row[index] ?? null))),
      );
    }
  });
  const problem = manifestProblem(manifest, sums) ?? (await restoredProblem(transaction, table, manifest));
  if (problem !== undefined)
    throw new StrataError('ARCHIVE_DAMAGED', `${location}: ${problem}; nothing was restored`);
};

/**
 * Brings archived partitions back, each in one transaction: what stands beside is attached again, what lies in a file is
 * read from there and compared with the manifest. Idempotent. Returns those that were brought back.
 */
export const restorePartitions = async (
  deps: Pick<ArchiveDeps, 'pool' | 's3'>,
  {
    relation,
    partitions,
    signal,
  }: {
    readonly relation: RelationName;
    readonly partitions: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<string[]> => {
  const restored: string[] = [];
  for (const partition of partitions)
    if (await restoring(deps.pool, { relation, partition, signal }, (into) => fill(deps, into)))
      restored.push(partition);
  return restored;
};

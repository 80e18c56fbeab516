import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportTable } from '../db/archive-rows';
import { detachPartition, type DetachRequest } from '../db/detach-partition';
import { dropArchived } from '../db/drop-archived';
import { advance, findArchive, type PartitionArchive } from '../db/partition-archives';
import { relationKey } from '../db/relations';
import { type ArchiveManifest, manifestProblem } from '../domain/archive-manifest';
import { StrataError } from '../domain/errors';
import { type ArchiveDeps, openArchiveStore, withArchived } from './archive-store';
import { readParquet, ROWS_A_GROUP, writeParquet } from './parquet-file';
import { RowSums } from './parquet-values';
import { restorePartitions } from './restore-partition';

const inTemporaryFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'strata-archive-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Writes the file and its manifest; a name of its own, so that an earlier try is written over. */
const write = async (
  deps: ArchiveDeps,
  archive: PartitionArchive,
  { relation: { schema }, signal }: DetachRequest,
): Promise<void> => {
  const store = openArchiveStore(deps.s3, deps.archive);
  const name = `${archive.relation}/${archive.partition}.${archive.archiveId}`;
  const location = store.locationOf(`${name}.parquet`);
  // Noted before there is a file: whatever comes in between, `prune` finds it.
  if (!(await advance(deps.pool, archive, archive.state, { location }))) return;
  await inTemporaryFolder(async (folder) => {
    const file = join(folder, 'rows.parquet');
    const manifest = await exportTable(
      deps.pool,
      { schema, name: archive.partition },
      { rowsAtOnce: ROWS_A_GROUP, signal },
      async (columns, groups, { rows, sums }): Promise<ArchiveManifest> => {
        await writeParquet(file, columns, groups);
        const { relation, partition, from, to } = archive;
        const described = columns.map((c) => ({ ...c, ...(sums[c.name] ?? { nulls: 0, checksum: '0' }) }));
        return { version: 1, relation, partition, from, to, rows, columns: described };
      },
    );
    await store.put(`${name}.parquet`, file);
    await store.putText(`${name}.manifest.json`, `${JSON.stringify(manifest, undefined, 2)}\n`);
    const { size: bytes } = await stat(file);
    await advance(deps.pool, archive, 'written', { manifest, bytes });
  });
};

/** Reads the file back from where it lies. @throws ARCHIVE_DAMAGED; it is written anew then */
const verify = async (deps: ArchiveDeps, archive: PartitionArchive, signal: AbortSignal): Promise<void> => {
  const { manifest, location } = archive;
  if (!manifest || location === null) throw new Error(`archive ${archive.archiveId} has no file`);
  const sums = new RowSums(manifest.columns);
  await withArchived(deps.s3, location, async (bytes) => {
    for await (const rows of readParquet(bytes, manifest.columns)) {
      signal.throwIfAborted();
      for (const row of rows) sums.add(row);
    }
  });
  const problem = manifestProblem(manifest, sums);
  if (problem === undefined) {
    await advance(deps.pool, archive, 'verified');
    return;
  }
  await advance(deps.pool, archive, 'detached');
  throw new StrataError('ARCHIVE_DAMAGED', `${location}: ${problem}; the partition is still in the database`);
};

/** Whether nobody has gone on with it: a worker that was frozen finds it archived, or live, by another one. */
const isStillAt = async (
  deps: ArchiveDeps,
  { archiveId, state, ...archive }: PartitionArchive,
): Promise<boolean> => {
  const now = await findArchive(deps.pool, archive.relation, archive.partition);
  return now?.archiveId === archiveId && (now.state === state || now.state === 'detached');
};

/** A month whose file can't be had is live again; what is only interrupted goes on where it was. */
const orAttachAgain = async (
  deps: ArchiveDeps,
  { relation, partition, signal }: DetachRequest,
  { archive, work }: { readonly archive: PartitionArchive; readonly work: () => Promise<void> },
): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted && (await isStillAt(deps, archive).catch(() => false)))
      await restorePartitions(deps, { relation, partitions: [partition], signal }).catch(() => undefined);
    throw error;
  }
};

/**
 * Does the next step of archiving a partition, and says where it stands: detached, written, read back, and only then
 * dropped. Each step is noted when it is done; killed anywhere, the next call goes on there, and the rows are in the
 * database or in a file that was read back, or in both.
 */
export const archiveStep = async (
  deps: ArchiveDeps,
  request: DetachRequest,
): Promise<PartitionArchive['state']> => {
  const { relation, partition, signal } = request;
  const find = () => findArchive(deps.pool, relationKey(relation), partition);
  const archive = (await find()) ?? { state: 'detaching' as const };
  if (archive.state === 'detaching') {
    // Before it is out: a place that there is not, and rows that no file can hold.
    openArchiveStore(deps.s3, deps.archive);
    return (await detachPartition(deps.pool, request)).state;
  }
  if (archive.state === 'detached')
    await orAttachAgain(deps, request, { archive, work: () => write(deps, archive, request) });
  else if (archive.state === 'written')
    await orAttachAgain(deps, request, { archive, work: () => verify(deps, archive, signal) });
  else if (archive.state === 'verified') await dropArchived(deps.pool, relation, archive);
  return (await find())?.state ?? 'restored';
};

import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { otherProject } from '../config';
import { recentBatches } from '../db/status';
import { hostOfFiles } from '../temporal/host-of-files';
import type { IngestInput } from '../wire/ingest';
import { ingestWorkflowId, WORKFLOW } from '../wire/names';
import { planNow } from './act';
import type { DashboardDeps } from './deps';
import { HttpProblem } from './problems';

/** What has to stay free of the disk. */
const RESERVE_BYTES = 256 * 1024 ** 2;
const DAY_MS = 86_400_000;
/** Of a file whose load failed: it may be started again. */
const KEEP_FAILED_MS = 7 * DAY_MS;
const PART = '.part';

export interface Upload {
  readonly uploadId: string;
  readonly dataset: string;
  readonly workflowId: string;
}

/** The name that the sender gave, as far as it can do no harm. */
export const safeName = (name: string): string => {
  const isGzip = /\.gz$/i.test(name);
  const base = (name.split(/[\\/]/).at(-1) ?? '').replace(/\.gz$/i, '').replace(/\.csv$/i, '');
  const kept = base
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 100);
  return `${kept === '' ? 'upload' : kept}.csv${isGzip ? '.gz' : ''}`;
};

const folderOf = (dataset: string, uploadId: string): string => `${dataset}.${uploadId}`;

export const uploadWorkflowId = (warehouse: string, dataset: string, uploadId: string): string =>
  ingestWorkflowId(warehouse, dataset, `upload-${uploadId}`);

const checkRoom = async (dir: string, bytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(dir);
  if (bytes + RESERVE_BYTES > bavail * bsize)
    throw new HttpProblem(507, 'There is not enough room on the disk for this file.');
};

/** Writes what comes in to disk, whole or not at all. */
const receive = async (
  { uploadDir }: DashboardDeps,
  { folder, name, bytes }: { folder: string; name: string; bytes: number | undefined },
  body: Readable,
): Promise<string> => {
  const dir = join(uploadDir, folder);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, name);
  try {
    await checkRoom(dir, bytes ?? 0);
    await pipeline(body, createWriteStream(`${file}${PART}`, { flags: 'wx', mode: 0o600, flush: true }));
    const { size } = await stat(`${file}${PART}`);
    if (bytes !== undefined && size !== bytes) throw new HttpProblem(400, 'The file did not arrive whole.');
    await rename(`${file}${PART}`, file);
    return file;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new HttpProblem(507, 'There is not enough room on the disk for this file.');
    throw error;
  }
};

const inputOf = async (deps: DashboardDeps, dataset: string, file: string): Promise<IngestInput> => {
  const { config, uploadDir } = deps;
  const host = await hostOfFiles(deps);
  const projectDir = otherProject(config.projectDir);
  return {
    dataset,
    file,
    within: uploadDir,
    transform: true,
    planHash: await planNow(deps),
    ...(host === undefined ? {} : { host, hostWaitMs: config.hostWaitMs }),
    ...(projectDir === undefined ? {} : { projectDir }),
  };
};

/** Takes a file, streamed to disk, and starts its load. @throws DATASET_UNKNOWN */
export const takeUpload = async (
  deps: DashboardDeps,
  { dataset, name, bytes }: { dataset: string; name: string; bytes: number | undefined },
  body: Readable,
): Promise<Upload> => {
  deps.project.dataset(dataset);
  const uploadId = randomUUID();
  const file = await receive(
    deps,
    { folder: folderOf(dataset, uploadId), name: safeName(name), bytes },
    body,
  );
  const workflowId = uploadWorkflowId(deps.warehouse, dataset, uploadId);
  await deps.client.workflow.start<(input: IngestInput) => Promise<unknown>>(WORKFLOW.ingest, {
    workflowId,
    taskQueue: deps.warehouse,
    args: [await inputOf(deps, dataset, file)],
  });
  return { uploadId, dataset, workflowId };
};

const isOver = async (deps: DashboardDeps, folder: string): Promise<boolean> => {
  const [, dataset = '', uploadId = ''] = /^(.+)\.([\da-f-]{36})$/.exec(folder) ?? [];
  const { mtimeMs } = await stat(join(deps.uploadDir, folder));
  const ageMs = Date.now() - mtimeMs;
  const workflowId = uploadWorkflowId(deps.warehouse, dataset, uploadId);
  const [batch] = await recentBatches(deps.reader, 1, { workflowId });
  if (!batch || batch.state === 'failed') return ageMs > KEEP_FAILED_MS;
  return ['published', 'duplicate', 'rejected'].includes(batch.state);
};

/** Removes the files whose loads are over: their rows are in the database. */
export const sweepUploads = async (deps: DashboardDeps): Promise<void> => {
  const folders = await readdir(deps.uploadDir).catch(() => []);
  for (const folder of folders)
    if (await isOver(deps, folder)) await rm(join(deps.uploadDir, folder), { recursive: true, force: true });
};

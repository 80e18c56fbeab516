import type { DatabasePool } from 'slonik';
import { findAcceptedBatch, insertBatch, type NewBatch } from '../db/batches';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { checkFile } from './open-file';

export interface AcceptBatchDeps {
  readonly pool: DatabasePool;
  /** The project's datasets; given, an unknown name is refused. */
  readonly datasets?: readonly Pick<Dataset, 'name'>[] | undefined;
  /** Folders that files may be read from; unset, any. */
  readonly fileRoots?: readonly string[] | undefined;
}

const checkDataset = (datasets: AcceptBatchDeps['datasets'], name: string): void => {
  if (datasets === undefined || datasets.some((dataset) => dataset.name === name)) return;
  const known = datasets.map((dataset) => dataset.name).join(', ') || 'none';
  throw new StrataError('DATASET_UNKNOWN', `There is no dataset "${name}"; the project has: ${known}`);
};

/**
 * Enters a file in the batch ledger and gives it its id: ids follow the order of acceptance. Idempotent per workflow
 * run. @throws DATASET_UNKNOWN, FILE_NOT_FOUND, FILE_UNREADABLE, FILE_NOT_ALLOWED
 */
export const acceptBatch = async (deps: AcceptBatchDeps, input: NewBatch): Promise<{ batchId: string }> => {
  const accepted = await findAcceptedBatch(deps.pool, input);
  if (accepted !== null) return { batchId: accepted };
  checkDataset(deps.datasets, input.dataset);
  await checkFile(input.file, deps.fileRoots);
  return { batchId: await insertBatch(deps.pool, input) };
};

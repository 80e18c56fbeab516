import type { DatabasePool } from 'slonik';
import { findAcceptedBatch, insertBatch, type NewBatch } from '../db/batches';
import { parseTimestamp } from '../domain/columns/timestamp';
import type { Dataset } from '../domain/dataset';
import { requireDeletes } from '../domain/dataset-deletes';
import { StrataError } from '../domain/errors';
import { createFileSources, type FileSources } from './sources/file-sources';

export interface AcceptBatchDeps {
  readonly pool: DatabasePool;
  /** The project's datasets; given, an unknown name is refused. */
  readonly datasets?: readonly Pick<Dataset, 'name' | 'deletes'>[] | undefined;
  /** Default: any file of this host, any object, no URL. */
  readonly files?: FileSources | undefined;
}

const checkDataset = (datasets: AcceptBatchDeps['datasets'], input: NewBatch): void => {
  if (datasets === undefined) return;
  const { dataset: name, completeAsOf } = input;
  const dataset = datasets.find((candidate) => candidate.name === name);
  if (dataset !== undefined && completeAsOf !== undefined) requireDeletes(dataset);
  if (dataset !== undefined) return;
  const known = datasets.map((dataset) => dataset.name).join(', ') || 'none';
  throw new StrataError('DATASET_UNKNOWN', `There is no dataset "${name}"; the project has: ${known}`);
};

/** The declared time as PostgreSQL reads it. @throws INPUT_INVALID when it is in no form of the contract's timestamps */
const declared = ({ completeAsOf }: NewBatch): Pick<NewBatch, 'completeAsOf'> => {
  if (completeAsOf === undefined) return {};
  const time = parseTimestamp(completeAsOf, { defaultZone: 'Z' });
  if (typeof time === 'string') return { completeAsOf: time };
  throw new StrataError('INPUT_INVALID', `completeAsOf ${time.message}`);
};

/**
 * Enters a file in the batch ledger and gives it its id: ids follow the order of acceptance. Idempotent per workflow
 * run. @throws DATASET_UNKNOWN, DELETES_UNDECLARED, INPUT_INVALID, and what `FileSources.check` throws
 */
export const acceptBatch = async (deps: AcceptBatchDeps, input: NewBatch): Promise<{ batchId: string }> => {
  const accepted = await findAcceptedBatch(deps.pool, input);
  if (accepted !== null) return { batchId: accepted };
  checkDataset(deps.datasets, input);
  // The file of a host that is named may be out of this one's sight: its load will look.
  if (input.host === undefined) await (deps.files ?? createFileSources()).check(input.file, input.within);
  return { batchId: await insertBatch(deps.pool, { ...input, ...declared(input) }) };
};

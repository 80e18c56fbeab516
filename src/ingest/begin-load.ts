import type { DatabasePool } from 'slonik';
import { type BatchRow, getBatch, lockBatch, markLoading } from '../db/batches';
import { LoadSupersededError } from '../db/load-chunks';
import {
  endOtherWriters,
  ensureFileLoad,
  findFileLoad,
  lockLoad,
  setFileIdentity,
  sweepLoad,
} from '../db/loads';
import type { OpenFile } from './open-file';

/** Whether the batch's file is still to be loaded. */
export const isUnfinished = (batch: BatchRow): boolean =>
  ['accepted', 'loading', 'failed'].includes(batch.state);

/** Forgets what was loaded from another state of the file, so that what comes next starts anew. */
export const sweepFileLoad = async (pool: DatabasePool, batch: BatchRow): Promise<void> =>
  pool.transaction(async (transaction) => {
    const load = await findFileLoad(transaction, batch.batch_id);
    if (!load) return;
    await lockLoad(transaction, load.loadId);
    const current = await getBatch(transaction, batch.batch_id);
    if (!isUnfinished(current)) return;
    await sweepLoad(transaction, { ...load, dataset: batch.dataset }, { deadLetters: true });
  });

/**
 * Makes the batch's load ready to be written from this file; answers with its id, or nothing when it is done.
 * @throws LoadSupersededError when the workflow that asks has failed the batch: a worker was frozen until after that
 */
export const beginLoad = async (
  pool: DatabasePool,
  { batchId, execution }: { readonly batchId: string; readonly execution?: string | undefined },
  opened: OpenFile,
): Promise<string | undefined> => {
  const begun = await findFileLoad(pool, batchId);
  if (begun) await endOtherWriters(pool, begun.loadId);
  return pool.transaction(async (transaction) => {
    // The load before the batch, as a chunk's transaction does it.
    if (begun) await lockLoad(transaction, begun.loadId);
    const batch = await lockBatch(transaction, batchId);
    if (!isUnfinished(batch)) return undefined;
    const { loadId, fileIdentity } = await ensureFileLoad(transaction, batch);
    // A workflow that was reset is another execution, and may.
    if (batch.state === 'failed' && execution === batch.workflow_run_id)
      throw new LoadSupersededError(loadId);
    // An earlier attempt read the file in another state, or failed for good.
    const isOther = fileIdentity !== null && fileIdentity !== opened.identity;
    if (isOther || batch.state === 'failed')
      await sweepLoad(transaction, { loadId, dataset: batch.dataset }, { deadLetters: true });
    await setFileIdentity(transaction, loadId, opened.identity);
    await markLoading(transaction, batchId, opened.sizeBytes);
    return loadId;
  });
};

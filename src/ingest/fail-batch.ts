import type { DatabasePool } from 'slonik';
import { finishBatch, lockBatch } from '../db/batches';
import { endOtherWriters, findFileLoad, lockLoad, sweepLoad } from '../db/loads';
import { BatchOutcome } from '../wire/ingest';

export interface FailBatchInput {
  readonly batchId: string;
  readonly errorCode: string;
  readonly error: string;
}

/**
 * Ends a batch that can't be loaded: nothing of it stays but the ledger's entry. Idempotent; a batch that has already
 * come to an outcome keeps it: says whether it was ended now. @throws BATCH_UNKNOWN
 */
export const failBatch = async (
  { pool }: { readonly pool: DatabasePool },
  { batchId, errorCode, error }: FailBatchInput,
): Promise<boolean> => {
  const begun = await findFileLoad(pool, batchId);
  if (begun) await endOtherWriters(pool, begun.loadId);
  return pool.transaction(async (transaction) => {
    const load = await findFileLoad(transaction, batchId);
    // The load before the batch, as a chunk's transaction does it.
    if (load) await lockLoad(transaction, load.loadId);
    const batch = await lockBatch(transaction, batchId);
    if (BatchOutcome.safeParse(batch.state).success) return false;
    if (load) await sweepLoad(transaction, { ...load, dataset: batch.dataset }, { deadLetters: true });
    await finishBatch(transaction, batchId, {
      state: 'failed',
      error,
      errorCode,
      rowsLoaded: 0,
      rowsRejected: 0,
    });
    return true;
  });
};

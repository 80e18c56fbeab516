import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import {
  type BatchEnd,
  type BatchRow,
  findPublishedContent,
  finishBatch,
  getBatch,
  lockBatch,
} from '../db/batches';
import {
  countBronzeRows,
  findFileLoad,
  lockLoad,
  lockPublication,
  publishLoad,
  sweepLoad,
} from '../db/loads';
import { closeAbsent } from '../db/close-absent';
import type { Dataset } from '../domain/dataset';
import { checkConservation } from './check-conservation';
import { requireDeletes } from '../domain/dataset-deletes';
import { incompleteReason, rejectionReason } from '../domain/rejection';
import { BatchOutcome, type IngestResult } from '../wire/ingest';

export interface PublishBatchDeps {
  readonly pool: DatabasePool;
  readonly dataset: Pick<Dataset, 'name' | 'columns' | 'rejectThreshold' | 'deletes'>;
}

const rejected = (error: string, errorCode: string): BatchEnd => ({
  state: 'rejected',
  error,
  errorCode,
  rowsLoaded: 0,
});

/** Decides what becomes of a loaded batch: known content first, then its bad rows. */
const decide = async (
  db: DatabaseTransactionConnection,
  batch: BatchRow,
  threshold: number,
): Promise<BatchEnd> => {
  const known =
    batch.forced || batch.sha256 === null ? null : await findPublishedContent(db, batch, batch.sha256);
  if (known !== null) return { state: 'duplicate', duplicateOf: known, rowsLoaded: 0, rowsRejected: 0 };
  const rowsRejected = Number(batch.rows_rejected ?? 0);
  const tooMany = rejectionReason({ rowsRead: Number(batch.rows_read ?? 0), rowsRejected }, threshold);
  if (tooMany !== undefined) return rejected(tooMany, 'BATCH_REJECTED');
  const incomplete = batch.complete_as_of === null ? undefined : incompleteReason(rowsRejected);
  return incomplete === undefined ? { state: 'published' } : rejected(incomplete, 'LOAD_INCOMPLETE');
};

/** Of a complete load that is to be published: closes what it doesn't have, unless that is too much. */
const complete = async (
  db: DatabaseTransactionConnection,
  batch: BatchRow,
  load: { readonly loadId: string; readonly dataset: PublishBatchDeps['dataset'] },
): Promise<BatchEnd> => {
  if (batch.complete_as_of === null) return { state: 'published' };
  const closed = await closeAbsent(db, {
    loadId: load.loadId,
    dataset: requireDeletes(load.dataset),
    asOf: batch.complete_as_of,
    maxShare: batch.max_deletes ?? undefined,
  });
  return closed.kind === 'refused'
    ? rejected(closed.reason, 'DELETES_EXCEED_LIMIT')
    : { state: 'published', rowsClosed: closed.closed, rowsReopened: closed.reopened };
};

const countRows = async (db: DatabaseTransactionConnection, batchId: string): Promise<number | undefined> => {
  const { state, dataset, rows_loaded: loaded } = await getBatch(db, batchId);
  const load = await findFileLoad(db, batchId);
  if (state !== 'loaded' || !load) return undefined;
  return countBronzeRows(db, { ...load, dataset, expected: Number(loaded ?? 0) });
};

/**
 * Decision, position and visibility in one transaction, one batch of a dataset at a time.
 * @throws ROWS_NOT_CONSERVED, with which nothing becomes visible
 */
const settle = async ({ pool, dataset }: PublishBatchDeps, batchId: string): Promise<void> =>
  pool.transaction(async (transaction) => {
    // Counting takes a while for a big file: before others of the dataset have to wait. No row of a batch that is
    // loaded comes or goes without its state changing, and that is looked at again.
    const bronzeRows = await countRows(transaction, batchId);
    await lockPublication(transaction, dataset.name);
    const batch = await lockBatch(transaction, batchId);
    if (BatchOutcome.safeParse(batch.state).success) return;
    const load = await findFileLoad(transaction, batchId);
    if (batch.state !== 'loaded' || !load) throw new Error(`Batch ${batchId} is ${batch.state}, not loaded`);
    const verdict = await decide(transaction, batch, dataset.rejectThreshold);
    if (verdict.state !== 'duplicate')
      await checkConservation(transaction, batch, { loadId: load.loadId, bronzeRows });
    const end =
      verdict.state === 'published' ? await complete(transaction, batch, { ...load, dataset }) : verdict;
    if (end.state === 'published') await publishLoad(transaction, load.loadId, batch.dataset);
    await finishBatch(transaction, batchId, end);
  });

/** Removes the rows of a batch that wasn't published; apart from the decision, since there may be many. */
const sweep = async (pool: DatabasePool, batch: BatchRow): Promise<void> =>
  pool.transaction(async (transaction) => {
    const load = await findFileLoad(transaction, batch.batch_id);
    if (!load) return;
    await lockLoad(transaction, load.loadId);
    const deadLetters = batch.state === 'duplicate';
    await sweepLoad(transaction, { ...load, dataset: batch.dataset }, { deadLetters });
  });

const asResult = (batch: BatchRow): IngestResult => ({
  batchId: batch.batch_id,
  dataset: batch.dataset,
  file: batch.file,
  outcome: BatchOutcome.parse(batch.state),
  rowsRead: Number(batch.rows_read ?? 0),
  rowsLoaded: Number(batch.rows_loaded ?? 0),
  rowsRejected: Number(batch.rows_rejected ?? 0),
  extraColumns: batch.extra_columns,
  ...(batch.rows_closed === null ? {} : { rowsClosed: Number(batch.rows_closed) }),
  ...(batch.rows_reopened === null ? {} : { rowsReopened: Number(batch.rows_reopened) }),
  ...(batch.duplicate_of === null ? {} : { duplicateOf: batch.duplicate_of }),
  ...(batch.state === 'rejected' && batch.error !== null ? { reason: batch.error } : {}),
});

/**
 * Ends a loaded batch: `published` makes its rows visible with the dataset's next position and `_loaded_at`; `duplicate`
 * is content that a published batch already holds; `rejected` has too many bad rows, and keeps its dead letters, or is
 * declared complete and has any, or would close too much. A complete load also gets its tombstones.
 * Idempotent: what was decided once stands. @throws ROWS_NOT_CONSERVED
 */
export const publishBatch = async (
  deps: PublishBatchDeps,
  { batchId }: { readonly batchId: string },
): Promise<IngestResult> => {
  await settle(deps, batchId);
  const batch = await getBatch(deps.pool, batchId);
  if (batch.state !== 'published') await sweep(deps.pool, batch);
  return asResult(batch);
};

import type { CommonQueryMethods } from 'slonik';
import type { BatchRow } from '../db/batches';
import { countBronzeRows, countLoad } from '../db/loads';
import { refuseImbalance } from '../domain/conservation';

/**
 * Each row that was read has been loaded or rejected, whoever counts: the ledger, the chunks, the dead letters and
 * bronze itself. @throws ROWS_NOT_CONSERVED
 */
export const checkConservation = async (
  db: CommonQueryMethods,
  batch: BatchRow,
  /** `bronzeRows` where they have been counted already. */
  load: { readonly loadId: string; readonly bronzeRows: number | undefined },
): Promise<void> => {
  const counts = await countLoad(db, load.loadId);
  const read = Number(batch.rows_read ?? 0);
  const loaded = Number(batch.rows_loaded ?? 0);
  const { loadId } = load;
  const bronzeRows =
    load.bronzeRows ?? (await countBronzeRows(db, { loadId, dataset: batch.dataset, expected: loaded }));
  const rejected = Number(batch.rows_rejected ?? 0);
  const is = (left: string, value: number) => (right: string, of: number) => ({ left, is: value, right, of });
  refuseImbalance(`Batch ${batch.batch_id} (${batch.file})`, [
    is('rows read', read)('loaded or rejected', loaded + rejected),
    is('rows read', read)('up to the end of the last chunk', counts.last_row),
    is('rows loaded', loaded)('in its chunks', counts.chunk_rows_loaded),
    is('rows loaded', loaded)('in its load', counts.row_count),
    is('rows loaded', loaded)('in bronze', bronzeRows),
    is('rows rejected', rejected)('in its chunks', counts.chunk_rows_rejected),
    is('rows rejected', rejected)('in the dead letter queue', counts.dead_letters),
  ]);
};

import { resolve } from 'node:path';
import { createWarehousePool } from '../../src/db/pool';
import { loadFile } from '../../src/ingest';
import { loadDatasets } from '../../src/project/load-datasets';

/** What a process of its own is to load: the file of an accepted batch of `transactions`. */
export interface LoadOrder {
  readonly databaseUrl: string;
  readonly batchId: string;
  /** Default: as in production. */
  readonly chunkBytes?: number | undefined;
}

/** Loads, as activity `loadFile` does. */
export const loadTransactions = async ({ databaseUrl, batchId, chunkBytes }: LoadOrder): Promise<void> => {
  const datasets = await loadDatasets(resolve(__dirname, '..', '..', 'sql'));
  const dataset = datasets.find(({ name }) => name === 'transactions');
  if (!dataset) throw new Error('Echo has no dataset transactions');
  const pool = await createWarehousePool(databaseUrl, { maximumPoolSize: 2 });
  try {
    await loadFile(
      { pool, databaseUrl, dataset, maxFieldBytes: 1024 * 1024, chunkBytes },
      { batchId, signal: new AbortController().signal, onProgress: () => undefined },
    );
  } finally {
    await pool.end();
  }
};

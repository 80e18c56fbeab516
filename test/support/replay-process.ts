import { resolve } from 'node:path';
import { createWarehousePool } from '../../src/db/pool';
import { loadReplay } from '../../src/ingest';
import { loadDatasets } from '../../src/project/load-datasets';

export interface ReplayOrder {
  readonly databaseUrl: string;
  /** Of letters of `transactions`. */
  readonly replayId: string;
}

/** Writes the rows of a replay, as activity `loadReplay` does. Returns the letters done at each report of progress. */
export const replayTransactions = async ({ databaseUrl, replayId }: ReplayOrder): Promise<number[]> => {
  const reports: number[] = [];
  const datasets = await loadDatasets(resolve(__dirname, '..', '..', 'sql'));
  const dataset = datasets.find(({ name }) => name === 'transactions');
  if (!dataset) throw new Error('Echo has no dataset transactions');
  const pool = await createWarehousePool(databaseUrl, { maximumPoolSize: 2 });
  try {
    await loadReplay(
      { pool, databaseUrl, dataset, maxFieldBytes: 1024 * 1024 },
      { replayId, signal: new AbortController().signal, onProgress: ({ letters }) => reports.push(letters) },
    );
    return reports;
  } finally {
    await pool.end();
  }
};

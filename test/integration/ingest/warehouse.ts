import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { DatabasePool } from 'slonik';
import { sql } from '../../../src/db/sql';
import { z } from 'zod';
import { createWarehousePool } from '../../../src/db/pool';
import type { Dataset } from '../../../src/domain/dataset';
import { acceptBatch, type FileProgress, loadFile, publishBatch } from '../../../src/ingest';
import { loadDatasets } from '../../../src/project/load-datasets';
import type { IngestInput, IngestResult, LoadFileResult } from '../../../src/wire/ingest';
import { createTestDatabase } from '../../support/database';
import { writeTemporary } from '../../unit/ingest/csv-files';

export type Row = Record<string, unknown>;

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FileProgress) => void;
  readonly chunkBytes?: number;
  readonly maxFieldBytes?: number;
}

/** What a file is declared to be. */
type Declared = Pick<IngestInput, 'completeAsOf' | 'maxDeletes'>;

export interface IngestWarehouse {
  readonly pool: DatabasePool;
  readonly url: string;
  readonly datasets: Record<string, Dataset>;
  /** Rows of a query, each value as the pool reads it. */
  rows(text: string): Promise<Row[]>;
  accept(dataset: string, file: string, force?: boolean, declared?: Declared): Promise<string>;
  load(batchId: string, options?: LoadOptions): Promise<LoadFileResult>;
  publish(batchId: string): Promise<IngestResult>;
  /** Writes the content into a file and takes it through all steps. */
  ingest(
    dataset: string,
    content: string | Buffer,
    options?: { name?: string; force?: boolean } & Declared,
  ): Promise<IngestResult>;
  stop(): Promise<void>;
}

export const startIngestWarehouse = async (extra: readonly Dataset[] = []): Promise<IngestWarehouse> => {
  const database = await createTestDatabase({ template: 'migrated' });
  const pool = await createWarehousePool(database.url);
  const loaded = await loadDatasets(resolve(__dirname, '..', '..', '..', 'sql'));
  const datasets = Object.fromEntries([...loaded, ...extra].map((dataset) => [dataset.name, dataset]));
  const datasetOf = (name: string): Dataset => {
    const dataset = datasets[name];
    if (!dataset) throw new Error(`no dataset ${name}`);
    return dataset;
  };
  const datasetOfBatch = async (batchId: string): Promise<Dataset> =>
    datasetOf(
      await pool.oneFirst(
        sql.type(
          z.object({ dataset: z.string() }),
        )`select dataset from ops.batch where batch_id = ${batchId}::bigint`,
      ),
    );
  const warehouse: IngestWarehouse = {
    pool,
    url: database.url,
    datasets,
    rows: async (text) => [...(await pool.any({ ...sql.type(z.record(z.any()))``, sql: text }))],
    accept: async (dataset, file, force, declared) => {
      const run = { workflowId: randomUUID(), workflowRunId: randomUUID() };
      return (
        await acceptBatch(
          { pool, datasets: Object.values(datasets) },
          { dataset, file, ...(force === undefined ? {} : { force }), ...declared, ...run },
        )
      ).batchId;
    },
    load: async (batchId, options = {}) =>
      loadFile(
        {
          pool,
          databaseUrl: database.url,
          dataset: await datasetOfBatch(batchId),
          maxFieldBytes: options.maxFieldBytes ?? 1024 * 1024,
          chunkBytes: options.chunkBytes,
        },
        {
          batchId,
          signal: options.signal ?? new AbortController().signal,
          onProgress: options.onProgress ?? (() => undefined),
        },
      ),
    publish: async (batchId) => publishBatch({ pool, dataset: await datasetOfBatch(batchId) }, { batchId }),
    ingest: async (dataset, content, { name = 'f.csv', force, ...declared } = {}) => {
      const batchId = await warehouse.accept(dataset, writeTemporary(name, content), force, declared);
      await warehouse.load(batchId);
      return warehouse.publish(batchId);
    },
    stop: async () => {
      await pool.end();
      await database.drop();
    },
  };
  return warehouse;
};

import { randomUUID } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import type { DatabasePool } from 'slonik';
import { compileProject } from '../../src/compiler/compile-project';
import { type RelationChecksum, relationChecksum } from '../../src/db/demo-report';
import { planRun } from '../../src/db/plan-run';
import { storePlan } from '../../src/db/plans';
import { createWarehousePool } from '../../src/db/pool';
import { rawSql } from '../../src/db/raw-sql';
import { runNode } from '../../src/db/run-node';
import { finishRun } from '../../src/db/runs';
import { databaseUuid } from '../../src/db/warehouse';
import type { Dataset } from '../../src/domain/dataset';
import { acceptBatch, loadFile, publishBatch } from '../../src/ingest';
import { loadDatasets } from '../../src/project/load-datasets';
import { readProjectFiles } from '../../src/project/read-project';
import type { IngestResult } from '../../src/wire/ingest';
import type { NodeResult, TransformInput } from '../../src/wire/transform';
import { createTestDatabase, type TestDatabase } from '../support/database';

const projectDir = resolve(__dirname, '..', '..', 'examples', 'nycflights');
export const sampleDir = resolve(__dirname, '..', 'fixtures', 'nycflights');

const RELATIONS = [
  ...['stg_flights', 'stg_airlines', 'stg_airports', 'stg_planes', 'stg_weather'].map((name) => ({
    schema: 'flights_silver',
    name,
  })),
  ...['dim_plane', 'fct_flights'].map((name) => ({ schema: 'flights_gold', name })),
  ...['mart_delays_monthly', 'mart_delays_daily'].map((name) => ({ schema: 'flights_platinum', name })),
];

/** `flights-2013-07.csv` -> `flights` */
const datasetOf = (file: string): string => /^[a-z]+/.exec(basename(file))?.[0] ?? '';

/** The example's project in a database of its own; files go through the real ingest, the models run without Temporal. */
export class NycflightsProject {
  private constructor(
    private readonly database: TestDatabase,
    private readonly pool: DatabasePool,
    private readonly datasets: readonly Dataset[],
    private readonly planHash: string,
  ) {}

  static async open(): Promise<NycflightsProject> {
    const datasets = await loadDatasets(projectDir);
    const manifest = compileProject({
      files: await readProjectFiles(projectDir),
      datasets: datasets.map(({ name, columns, key }) => ({ name, columns, key })),
    });
    const database = await createTestDatabase({ template: 'migrated' });
    const pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
    return new NycflightsProject(database, pool, datasets, await storePlan(pool, manifest));
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }

  /** Loads a file of the sample, by its name. */
  async load(name: string): Promise<IngestResult> {
    const dataset = this.datasets.find((d) => d.name === datasetOf(name));
    if (!dataset) throw new Error(`The example has no dataset for ${name}`);
    const { pool } = this;
    const { batchId } = await acceptBatch(
      { pool, datasets: this.datasets },
      {
        dataset: dataset.name,
        file: join(sampleDir, name),
        workflowId: randomUUID(),
        workflowRunId: randomUUID(),
      },
    );
    await loadFile(
      { pool, databaseUrl: this.database.url, dataset, maxFieldBytes: 1_048_576 },
      { batchId, signal: new AbortController().signal, onProgress: () => undefined },
    );
    return publishBatch({ pool, dataset }, { batchId });
  }

  async run(transform: TransformInput = {}): Promise<NodeResult[]> {
    const { pool, planHash } = this;
    const runId = randomUUID();
    const { nodes } = await planRun({ pool }, { runId, workflowId: 'test', planHash, transform });
    const uuid = await databaseUuid(pool);
    const results: NodeResult[] = [];
    for (const { id } of nodes) {
      const request = {
        runId,
        databaseUuid: uuid,
        nodeId: id,
        attempt: 1,
        signal: new AbortController().signal,
      };
      results.push(await runNode({ pool, warehouse: 'test' }, request));
    }
    await finishRun({ pool }, { runId, databaseUuid: uuid, state: 'success', results });
    return results;
  }

  /** Rows of a query whose columns are text. */
  async rows(query: string): Promise<Record<string, string | null>[]> {
    return [...(await this.pool.query(rawSql(query))).rows] as Record<string, string | null>[];
  }

  /** What is in each of the example's relations, as a checksum. */
  async checksums(): Promise<RelationChecksum[]> {
    return Promise.all(RELATIONS.map((relation) => relationChecksum(this.pool, relation)));
  }
}

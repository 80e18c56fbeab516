import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import fc from 'fast-check';
import { pino } from 'pino';
import type { DatabasePool } from 'slonik';
import { loadConfig } from '../../src/config';
import { createWarehousePool } from '../../src/db/pool';
import type { AcceptedBatch, IngestInput, IngestResult } from '../../src/wire/ingest';
import { pipelineWorkflowId, QUERY, UPDATE, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import type { TransformInput, TransformResult } from '../../src/wire/transform';
import { type StartedWorker, startWorker } from '../../src/worker';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import { csvOf } from '../support/histories/csv-rows';
import type { History, LoadStep, Step } from '../support/histories/history';
import { histories, mixedRuns } from '../support/histories/history-arbitraries';
import { type Accepted, type Loaded, referenceTables } from '../support/reference';
import { compileEcho } from '../support/compile-echo';
import { TestWarehouse } from '../support/test-warehouse';
import { waitFor } from '../support/wait-for';
import { bundleWorkflows } from '../support/workflow-bundle';

jest.setTimeout(240_000);

const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_RETRY_INTERVAL: '10ms' });
const folder = mkdtempSync(join(tmpdir(), 'strata-histories-'));
const accepted: Record<LoadStep['dataset'], Loaded<object>[]> = {
  customers: [],
  transactions: [],
  marketing_spend: [],
};

let database: TestDatabase;
let worker: StartedWorker;
let connection: Connection;
let client: Client;
let pool: DatabasePool;
let tables: TestWarehouse;
const published: string[] = [];
let started = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  const address = testTemporalAddress();
  worker = await startWorker({
    config,
    databaseUrl: database.url,
    warehouse: database.name,
    temporal: { ...config.temporal, address },
    logger: pino({ level: 'silent' }),
    inside: { workflowBundle: await bundleWorkflows() },
  });
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 2 });
  tables = await TestWarehouse.open(pool, await compileEcho());
});
afterAll(async () => {
  await client.workflow
    .getHandle(pipelineWorkflowId(database.name))
    .terminate()
    .catch(() => undefined);
  await worker.shutdown();
  await connection.close();
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

const start = (type: string, input: object): Promise<WorkflowHandle> => {
  started += 1;
  return client.workflow.start(type, {
    taskQueue: database.name,
    workflowId: `${database.name}/history/${started}`,
    args: [input],
  });
};

/** An empty text of a CSV file is NULL. */
const asLoaded = (row: object): object =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === '' ? null : value]));

/** Starts an ingest; returns when it is accepted, with what waits for its end. */
const ingest = async (step: LoadStep, force: boolean): Promise<() => Promise<void>> => {
  const file = join(folder, `${started + 1}.csv`);
  writeFileSync(file, csvOf(step));
  const input: IngestInput = { dataset: step.dataset, file, force };
  const handle = await start(WORKFLOW.ingest, input);
  const { batchId } = await handle.executeUpdate<AcceptedBatch, []>(UPDATE.accepted);
  const placed = step.rows.map((row, i) => ({
    ...asLoaded(row),
    batchId: Number(batchId),
    rowNumber: i + 1,
  }));
  return async () => {
    const { outcome } = (await handle.result()) as IngestResult;
    if (outcome !== 'published') return;
    published.push(batchId);
    accepted[step.dataset].push(...placed.filter((_, i) => i !== step.rejected));
  };
};

const transform = async (input: TransformInput): Promise<void> => {
  const handle = await start(WORKFLOW.transform, input);
  expect(((await handle.result()) as TransformResult).state).toBe('success');
};

/** Late loads go on beside the steps after them; replays and troubles are of other tests. */
const play = async ({ steps }: History): Promise<void> => {
  const late: (() => Promise<void>)[] = [];
  const newest = new Map<string, LoadStep>();
  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'run') return transform(step.transform);
    if (step.kind === 'publish') return late.shift()?.();
    if (step.kind !== 'load' && step.kind !== 'again') return;
    const load = step.kind === 'load' ? step : newest.get(step.dataset);
    if (!load) return;
    newest.set(load.dataset, load);
    const ended = await ingest(load, step.kind === 'again');
    if (load.late === true) late.push(ended);
    else await ended();
  };
  for (const step of steps) await take(step);
  for (const ended of late) await ended();
};

/** Until the coordinator has run the models for all that was published. */
const settled = (): Promise<PipelineStatus> =>
  waitFor(
    async () => {
      const pipeline = client.workflow.getHandle(pipelineWorkflowId(database.name));
      const status = await pipeline.query<PipelineStatus>(QUERY.status);
      const done = new Set(status.finished.flatMap((run) => run.batchIds));
      return status.running === undefined && published.every((batchId) => done.has(batchId)) && status;
    },
    { timeoutMs: 60_000, what: 'a run for each published batch' },
  );

const bias = { customers: 3, transactions: 4, spend: 1, runs: mixedRuns };
const samples = fc.sample(histories(bias), { numRuns: 3, seed: 2024 });

test.each(samples.map((history, i) => ({ number: i + 1, history })))(
  'random history $number through the workflows leaves the tables of a computation from scratch',
  async ({ history }) => {
    await play(history);
    // What the coordinator was told of with the last files; no run is asked for.
    const { finished } = await settled();
    expect(finished.map((run) => run.state)).not.toContain('failed');
    expect(await tables.tables()).toEqual(referenceTables(accepted as unknown as Accepted));
  },
);

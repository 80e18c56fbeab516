import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import { isStrataError } from '../../src/domain/errors';
import type { IngestResult } from '../../src/wire/ingest';
import { pipelineWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import type { TransformResult } from '../../src/wire/transform';
import { startWorker } from '../../src/worker';
import {
  createTestDatabase,
  type TestDatabase,
  testTemporalAddress,
  urlOfDatabase,
} from '../support/database';
import { waitFor } from '../support/wait-for';
import { type ServedWarehouse, serveWarehouse } from '../support/served-warehouse';
import { failureOf } from './workflow-worker';

const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_RETRY_INTERVAL: '10ms' });
const logger = pino({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'strata-worker-'));

let database: TestDatabase;
let served: ServedWarehouse;
let client: Client;
let warehouse: string;

beforeAll(async () => {
  database = await createTestDatabase();
  warehouse = database.name;
  served = await serveWarehouse({ config, databaseUrl: database.url, warehouse });
  ({ client } = served);
});
afterAll(async () => {
  await served.stop();
  await database.drop();
  rmSync(folder, { recursive: true });
});

const file = (name: string, ...lines: string[]): string => {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
};

const HEADER = 'transaction_id,customer_id,transaction_date,amount,transaction_type,status';
const execute = <T>(type: string, workflowId: string, args: unknown[]): Promise<T> =>
  client.workflow.execute(type, { taskQueue: warehouse, workflowId: `${warehouse}/${workflowId}`, args });

test('a file that is loaded by hand is transformed by the coordinator, which is started for it', async () => {
  const path = file(
    't.csv',
    HEADER,
    't1,c1,2024-01-05,10.00,subscription,completed',
    't2,c1,nonsense,1,refund,failed',
  );
  const result = await execute<IngestResult>(WORKFLOW.ingest, 'by-hand', [
    { dataset: 'transactions', file: path },
  ]);
  expect(result).toMatchObject({ outcome: 'published', rowsRead: 2, rowsLoaded: 1, rowsRejected: 1 });
  const pipeline = client.workflow.getHandle(pipelineWorkflowId(warehouse));
  const { finished } = await waitFor(
    async () => {
      const status = await pipeline.query<PipelineStatus>(QUERY.status);
      return status.finished.length > 0 && status;
    },
    { timeoutMs: 45_000 },
  );
  expect(finished).toMatchObject([{ batchIds: [result.batchId], state: 'success' }]);
  const { searchAttributes } = await client.workflow.getHandle(`${warehouse}/by-hand`).describe();
  expect(searchAttributes).toMatchObject({
    StrataWarehouse: [warehouse],
    StrataDataset: ['transactions'],
    StrataBatchId: [result.batchId],
    StrataState: ['published'],
  });
});

test('the whole project runs without any input', async () => {
  const result = await execute<TransformResult>(WORKFLOW.transform, 'whole', []);
  expect(result.state).toBe('success');
  expect(result.results.map((r) => r.label)).toContain('gold.fct_transactions');
});

test('a signal of the coordinator starts it too', async () => {
  const pipeline = client.workflow.getHandle(pipelineWorkflowId(warehouse));
  const { finished } = await pipeline.query<PipelineStatus>(QUERY.status);
  await pipeline.signal(SIGNAL.fullRefresh, { select: ['stg_transactions'] });
  const after = await waitFor(async () => {
    const status = await pipeline.query<PipelineStatus>(QUERY.status);
    return status.finished.length > finished.length && status;
  });
  expect(after.finished.at(-1)).toMatchObject({ state: 'success', transform: { fullRefresh: true } });
});

test('a dataset that the project does not have is refused by its name', async () => {
  const work = execute(WORKFLOW.ingest, 'unknown', [{ dataset: 'orders', file: '/x.csv' }]);
  expect(await failureOf(work)).toMatchObject({
    type: 'DATASET_UNKNOWN',
    message: expect.stringMatching(/no dataset orders; it has: customers/) as string,
  });
});

describe('a worker that can not start says why, without the password', () => {
  const startAnother = async (databaseUrl: string, address: string): Promise<string> => {
    try {
      await startWorker({
        config,
        databaseUrl,
        warehouse,
        temporal: { ...config.temporal, address },
        logger,
      });
    } catch (error) {
      if (isStrataError(error)) return `${error.code}: ${error.message}`;
      throw error;
    }
    throw new Error('it started');
  };

  test('the database does not exist', async () => {
    const url = urlOfDatabase(database.url, 'not_there');
    expect(await startAnother(url, testTemporalAddress())).toMatch(
      /^DATABASE_UNREACHABLE: Database .*\/not_there does not exist$/,
    );
  });

  test('the database does not answer', async () => {
    const answer = await startAnother('postgres://u:s3cret@127.0.0.1:1/d', testTemporalAddress());
    expect(answer).toMatch(/^DATABASE_UNREACHABLE: Database 127\.0\.0\.1:1\/d does not answer/);
    expect(answer).not.toContain('s3cret');
  });

  test('Temporal does not answer', async () => {
    expect(await startAnother(database.url, '127.0.0.1:1')).toMatch(
      /^TEMPORAL_UNREACHABLE: Temporal at 127\.0\.0\.1:1 does not answer/,
    );
  });
});

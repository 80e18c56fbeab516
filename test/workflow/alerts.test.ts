import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import type { AlertStatus } from '../../src/wire/alerts';
import { alertWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import { type StartedWorker, startWorker } from '../../src/worker';
import {
  createTestDatabase,
  openSession,
  type Session,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { waitFor } from '../support/wait-for';
import { bundleWorkflows } from '../support/workflow-bundle';
import { quietRuntime } from './workflow-worker';

const folder = mkdtempSync(join(tmpdir(), 'strata-alerts-'));
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

let database: TestDatabase;
let session: Session;
let worker: StartedWorker;
let connection: Connection;
let client: Client;
let warehouse: string;

beforeAll(async () => {
  quietRuntime();
  database = await createTestDatabase({ template: 'migrated' });
  warehouse = database.name;
  const address = testTemporalAddress();
  const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_RETRIES: '0' });
  worker = await startWorker({
    config,
    databaseUrl: database.url,
    warehouse,
    temporal: { ...config.temporal, address },
    logger: pino({ level: 'silent' }),
    inside: { workflowBundle: await bundleWorkflows() },
  });
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  session = await openSession(database.url);
});
afterAll(async () => {
  await client.workflow
    .getHandle(alertWorkflowId(warehouse))
    .terminate()
    .catch(() => undefined);
  await worker.shutdown();
  await connection.close();
  await session.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

const execute = (type: string, id: string, input: unknown): Promise<unknown> =>
  client.workflow.execute(type, { taskQueue: warehouse, workflowId: `${warehouse}/${id}`, args: [input] });
const alerter = () => client.workflow.getHandle(alertWorkflowId(warehouse));
const incidents = () =>
  session.query(
    'select kind, subject, state, seen, severity, affected from ops.incident order by incident_id',
  );

test('a dataset whose files fail is one incident, which the next good file ends', async () => {
  const header = 'spend_date,channel,amount\n';
  const load = (id: string, text: string) =>
    execute(WORKFLOW.ingest, id, {
      dataset: 'marketing_spend',
      file: write(`${id}.csv`, text),
      transform: false,
    }).catch(() => undefined);
  await load('bad-1', 'nothing\n1\n');
  await load('bad-2', 'nothing\n2\n');
  const open = await waitFor(async () => {
    const status = await alerter().query<AlertStatus>(QUERY.status);
    return status.open[0]?.seen === 2 && status;
  });
  expect(open).toMatchObject({ openCount: 1, open: [{ kind: 'failure', subject: 'marketing_spend' }] });
  await load('good', `${header}2024-01-01,search,1\n`);
  await waitFor(async () => (await incidents())[0]?.state === 'resolved');
  await load('good-2', `${header}2024-01-02,search,1\n`);
  expect(await incidents()).toHaveLength(1);
});

test('what anyone observes is taken by a signal, and one that can not be read is ignored', async () => {
  const condition = { kind: 'freshness', subject: 'raw.transactions', state: 'firing', summary: '30 h old' };
  await alerter().signal(SIGNAL.conditionObserved, { kind: 'nonsense' });
  await alerter().signal(SIGNAL.conditionObserved, [
    condition,
    { ...condition, subject: 'raw.customers', databaseUuid: '00000000-0000-0000-0000-000000000000' },
  ]);
  await waitFor(async () => (await incidents()).length === 2);
  expect((await incidents())[1]).toMatchObject({ subject: 'raw.transactions', severity: 'error' });
});

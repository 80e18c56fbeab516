import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { loadConfig } from '../../src/config';
import type { AlertStatus } from '../../src/wire/alerts';
import { alertWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import { createTestDatabase, openSession, type Session, type TestDatabase } from '../support/database';
import { waitFor } from '../support/wait-for';
import { bundleWorkflows } from '../support/workflow-bundle';
import { type ServedWarehouse, serveWarehouse } from '../support/served-warehouse';
import { quietRuntime } from './workflow-worker';

const folder = mkdtempSync(join(tmpdir(), 'strata-alerts-'));
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

let database: TestDatabase;
let session: Session;
let served: ServedWarehouse;
let client: Client;
let warehouse: string;

beforeAll(async () => {
  quietRuntime();
  database = await createTestDatabase({ template: 'migrated' });
  warehouse = database.name;
  const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_RETRIES: '0' });
  served = await serveWarehouse({
    config,
    databaseUrl: database.url,
    warehouse,
    inside: { workflowBundle: await bundleWorkflows() },
  });
  ({ client } = served);
  session = await openSession(database.url);
});
afterAll(async () => {
  await served.stop();
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

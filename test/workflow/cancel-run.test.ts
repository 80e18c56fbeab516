import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import { pipelineWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import type { TransformPlan } from '../../src/wire/transform';
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

/** A model that works for ten minutes, in a real worker. */
const project = mkdtempSync(join(tmpdir(), 'strata-slow-'));
let database: TestDatabase;
let session: Session;
let worker: StartedWorker;
let connection: Connection;
let client: Client;
let pipeline: WorkflowHandle;

beforeAll(async () => {
  mkdirSync(join(project, 'models'));
  writeFileSync(join(project, 'dbt_project.yml'), 'name: slow\nmodels: {slow: {+schema: slow}}\n');
  writeFileSync(
    join(project, 'models', 'sleeper.sql'),
    "{{ config(materialized='table') }} select pg_sleep(600)::text as slept",
  );
  writeFileSync(join(project, 'models', 'reader.sql'), "select * from {{ ref('sleeper') }}");
  database = await createTestDatabase({ template: 'migrated' });
  session = await openSession(database.url);
  const address = testTemporalAddress();
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_PROJECT_DIR: project });
  worker = await startWorker({
    config,
    databaseUrl: database.url,
    warehouse: database.name,
    temporal: { ...config.temporal, address },
    logger: pino({ level: 'silent' }),
    inside: { workflowBundle: await bundleWorkflows() },
  });
  pipeline = client.workflow.getHandle(pipelineWorkflowId(database.name));
});
afterAll(async () => {
  await pipeline.terminate().catch(() => undefined);
  await worker.shutdown();
  await session.close();
  await connection.close();
  await database.drop();
  rmSync(project, { recursive: true });
});

const sleeping = async (): Promise<boolean> =>
  (
    await session.query(`select from pg_stat_activity where datname = current_database()
      and pid <> pg_backend_pid() and state = 'active' and wait_event = 'PgSleep'`)
  ).length > 0;

test('a run that is cancelled stops its query in the database, leaves no lock, and is recorded as cancelled', async () => {
  await client.workflow.signalWithStart(WORKFLOW.pipeline, {
    workflowId: pipeline.workflowId,
    taskQueue: database.name,
    args: [{}],
    signal: SIGNAL.fullRefresh,
    signalArgs: [],
  });
  await waitFor(sleeping, { what: 'the model to work', timeoutMs: 30_000 });
  const { running } = await pipeline.query<PipelineStatus>(QUERY.status);
  const plan = await client.workflow.getHandle(running?.workflowId ?? '').query<TransformPlan>(QUERY.plan);
  expect(plan).toMatchObject({
    fullRefresh: true,
    inputs: {},
    nodes: [
      { label: 'slow.sleeper', dependsOn: [] },
      { label: 'slow.reader', dependsOn: ['model.slow.sleeper'] },
    ],
  });

  await pipeline.signal(SIGNAL.cancelRun);
  await waitFor(async () => !(await sleeping()), { what: 'the query to be gone' });
  const { finished } = await waitFor(async () => {
    const status = await pipeline.query<PipelineStatus>(QUERY.status);
    return status.finished.length === 1 && status;
  });
  expect(finished).toMatchObject([{ state: 'cancelled' }]);
  expect(await session.query('select state from ops.run')).toMatchObject([{ state: 'cancelled' }]);
  const locks = await session.query(`select from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`);
  expect(locks).toEqual([]);
}, 60_000);

test('the coordinator has search attributes, which say what it is doing', async () => {
  const attributes = await waitFor(async () => {
    const { searchAttributes } = await pipeline.describe();
    return searchAttributes.StrataState?.[0] === 'idle' && searchAttributes;
  });
  expect(attributes.StrataWarehouse).toEqual([database.name]);
});

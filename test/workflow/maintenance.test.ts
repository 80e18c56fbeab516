import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { shadowSchema } from '../../src/compiler/shadow';
import { loadConfig } from '../../src/config';
import { loadFile, publishBatch } from '../../src/ingest';
import type { MaintenanceResult } from '../../src/wire/maintenance';
import { replayWorkflowId, WORKFLOW } from '../../src/wire/names';
import { type IngestWarehouse, startIngestWarehouse } from '../integration/ingest/warehouse';
import { waitFor } from '../support/wait-for';
import { type ServedWarehouse, serveWarehouse } from '../support/served-warehouse';
import { transactionLine, transactionsFile, writeTemporary } from '../unit/ingest/csv-files';

/** What shows that the workflow of something is closed, or is not. */
type Workflow = 'open' | 'terminated' | 'failed' | 'reset and open' | 'unknown';

const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' });
let store: IngestWarehouse;
let served: ServedWarehouse;
let client: Client;
const warehouse = `maintenance-${randomUUID()}`;

beforeAll(async () => {
  store = await startIngestWarehouse();
  served = await serveWarehouse({ config, databaseUrl: store.url, warehouse });
  ({ client } = served);
});
afterAll(async () => {
  await served.stop();
  await store.stop();
});

/** Starts a workflow that nobody serves, and brings it into the state that is wanted. */
const workflowThatIs = async (state: Workflow): Promise<{ workflowId: string; runId: string }> => {
  const workflowId = `${warehouse}/${randomUUID()}`;
  if (state === 'unknown') return { workflowId, runId: randomUUID() };
  const taskQueue = state === 'failed' || state === 'reset and open' ? warehouse : `nobody-${warehouse}`;
  const handle = await client.workflow.start(WORKFLOW.ingest, { workflowId, taskQueue, args: [{}] });
  const ids = { workflowId, runId: handle.firstExecutionRunId };
  if (state === 'terminated') await handle.terminate();
  // Its input is wrong: it fails in its first step.
  if (taskQueue === warehouse) await handle.result().catch(() => undefined);
  if (state === 'reset and open')
    await client.workflow.start(WORKFLOW.ingest, { workflowId, taskQueue: `nobody-${warehouse}` });
  return ids;
};

const maintain = (idleMinutes = 0): Promise<MaintenanceResult> =>
  client.workflow.execute(WORKFLOW.maintenance, {
    workflowId: `${warehouse}/maintenance/${randomUUID()}`,
    taskQueue: warehouse,
    args: [{ idleMinutes }],
  });

let lines = 0;
/** A batch of that workflow, as far as it is wanted. */
const batchThatIs = async (state: string, workflow: Workflow): Promise<string> => {
  const { workflowId, runId } = await workflowThatIs(workflow);
  const file = writeTemporary('t.csv', transactionsFile(transactionLine(++lines), 'x,y'));
  const batchId = await store.accept('transactions', file);
  await store.rows(
    `update ops.batch set workflow_id = '${workflowId}', workflow_run_id = '${runId}' where batch_id = ${batchId}`,
  );
  if (state !== 'accepted') await store.load(batchId);
  if (state === 'loading')
    await store.rows(`update ops.batch set state = 'loading' where batch_id = ${batchId}`);
  if (state === 'published') await store.publish(batchId);
  return batchId;
};

const stateOf = async (batchId: string): Promise<unknown> =>
  (
    await store.rows(
      `select b.state, b.error_code, b.error,
        (select count(*)::int from strata_bronze.transactions as h where h._batch_id = b.batch_id) as rows,
        (select count(*)::int from ops.dead_letter as d where d.batch_id = b.batch_id) as letters
      from ops.batch as b where b.batch_id = ${batchId}`,
    )
  )[0];

const CLOSED: readonly Workflow[] = ['terminated', 'failed', 'unknown'];
const OPEN: readonly Workflow[] = ['open', 'reset and open'];
const STATES = ['accepted', 'loading', 'loaded'];
const combinations = (workflows: readonly Workflow[]) =>
  workflows.flatMap((workflow) => STATES.map((state) => ({ workflow, state })));

test('loads that nobody carries on are failed and swept; those that go on, and those that are published, are not touched', async () => {
  const dead = await Promise.all(combinations(CLOSED).map((c) => batchThatIs(c.state, c.workflow)));
  const alive = await Promise.all([
    ...combinations(OPEN).map((c) => batchThatIs(c.state, c.workflow)),
    batchThatIs('published', 'terminated'),
  ]);
  const before = await Promise.all(alive.map(stateOf));
  expect(await maintain(60)).toMatchObject({ batches: 0 });
  expect(await maintain()).toMatchObject({ batches: dead.length, replays: 0, runs: 0 });
  expect(await Promise.all(alive.map(stateOf))).toEqual(before);
  for (const batchId of dead)
    expect(await stateOf(batchId)).toEqual({
      state: 'failed',
      error_code: 'ABANDONED',
      error: expect.stringMatching(
        /^Workflow \S+ is (terminated|failed|unknown to Temporal), and left this unfinished$/,
      ),
      rows: 0,
      letters: 0,
    });
  expect(await maintain()).toMatchObject({ batches: 0 });
  // A file that came and isn't loaded is an incident of its dataset.
  await waitFor(async () => {
    const open = await store.rows("select subject from ops.incident where state = 'firing'");
    return open.some((row) => row['subject'] === 'transactions');
  });
}, 60_000);

test('a load that goes on at the same moment is wholly published, or wholly gone', async () => {
  const batches = await Promise.all(Array.from({ length: 8 }, () => batchThatIs('loaded', 'terminated')));
  const dataset = store.datasets['transactions'];
  if (!dataset) throw new Error('no dataset');
  const published = Promise.allSettled(
    batches.map((batchId) => publishBatch({ pool: store.pool, dataset }, { batchId })),
  );
  await maintain();
  await published;
  for (const batchId of batches) {
    const { state, rows } = (await stateOf(batchId)) as { state: string; rows: number };
    expect([state, rows]).toEqual(state === 'published' ? ['published', 1] : ['failed', 0]);
  }
});

test('a writer that was frozen, and wakes up after its load was swept, writes nothing', async () => {
  const batchId = await batchThatIs('accepted', 'terminated');
  const dataset = store.datasets['transactions'];
  if (!dataset) throw new Error('no dataset');
  const deps = { pool: store.pool, databaseUrl: store.url, dataset, maxFieldBytes: 1000, chunkBytes: 1 };
  let swept: Promise<MaintenanceResult> | undefined;
  const load = loadFile(deps, {
    batchId,
    signal: new AbortController().signal,
    onProgress: () => (swept ??= maintain()),
  });
  await Promise.allSettled([load]);
  await (swept ?? maintain());
  await maintain();
  expect(await stateOf(batchId)).toMatchObject({ state: 'failed', rows: 0, letters: 0 });
});

test('replays that nobody carries on are ended, and their letters are open', async () => {
  const { batchId } = await store.ingest('transactions', transactionsFile(transactionLine(901), 'x,y'));
  const insert = async (workflow: Workflow | 'never started' | 'started by a command'): Promise<string> => {
    const ids =
      workflow === 'never started' || workflow === 'started by a command'
        ? undefined
        : await workflowThatIs(workflow);
    const [row] = await store.rows(
      `insert into ops.dead_letter_replay (dataset, actor, workflow_id, letters)
        values ('transactions', 'test', ${ids === undefined ? 'null' : `'${ids.workflowId}'`}, 1) returning replay_id`,
    );
    const replayId = String(row?.['replay_id']);
    await store.rows(`insert into ops.dead_letter_replay_item (replay_id, letter_id, revision)
      select ${replayId}, id, revision from ops.dead_letter where batch_id = ${batchId}`);
    if (workflow === 'started by a command')
      await client.workflow.start(WORKFLOW.replayDeadLetters, {
        workflowId: replayWorkflowId(warehouse, replayId),
        taskQueue: `nobody-${warehouse}`,
      });
    return replayId;
  };
  const dead = [await insert('terminated'), await insert('unknown'), await insert('never started')];
  const alive = [await insert('open'), await insert('started by a command')];
  expect(await maintain(60)).toMatchObject({ replays: 0 });
  expect(await maintain()).toMatchObject({ replays: 3 });
  const states = await store.rows(
    'select replay_id::text as id, state, error_code from ops.dead_letter_replay order by replay_id',
  );
  expect(states).toEqual([
    ...dead.map((id) => ({ id, state: 'failed', error_code: 'ABANDONED' })),
    ...alive.map((id) => ({ id, state: 'requested', error_code: null })),
  ]);
  expect(await store.rows(`select state from ops.dead_letter where batch_id = ${batchId}`)).toEqual([
    { state: 'open' },
  ]);
});

test('runs that nobody carries on are marked, with the reason, and their shadows dropped; others are left alone', async () => {
  await store.rows(
    `insert into ops.plan (plan_hash, project, manifest) values ('p', 'x', '{}') on conflict do nothing`,
  );
  const insert = async (workflow: Workflow): Promise<string> => {
    const { workflowId, runId } = await workflowThatIs(workflow);
    await store.rows(`insert into ops.run (run_id, workflow_id, command, plan_hash, selected)
      values ('${runId}', '${workflowId}', 'verify', 'p', 1)`);
    await store.rows(`create schema "${shadowSchema(runId)}"`);
    return runId;
  };
  const dead = [await insert('terminated'), await insert('failed'), await insert('unknown')];
  const alive = [await insert('open'), await insert('reset and open')];
  expect(await maintain(60)).toMatchObject({ runs: 0, shadows: 3 });
  expect(await maintain()).toMatchObject({ runs: 3, shadows: 0 });
  for (const runId of dead)
    expect(await store.rows(`select state, message from ops.run where run_id = '${runId}'`)).toEqual([
      { state: 'failed', message: expect.stringMatching(/ is .*, and left this unfinished$/) },
    ]);
  for (const runId of alive) {
    expect(await store.rows(`select state, finished_at from ops.run where run_id = '${runId}'`)).toEqual([
      { state: 'running', finished_at: null },
    ]);
    expect(
      await store.rows(`select nspname from pg_namespace where nspname = '${shadowSchema(runId)}'`),
    ).toHaveLength(1);
  }
});

import { Client, Connection, ScheduleOverlapPolicy } from '@temporalio/client';
import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../src/db/pool';
import { rawSql } from '../../src/db/raw-sql';
import { pipelineWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import { compileEcho } from '../support/compile-echo';
import { customer, transaction } from '../support/echo-rows';
import type { LoadStep } from '../support/histories/history';
import { TestWarehouse } from '../support/test-warehouse';
import { waitFor } from '../support/wait-for';
import { EchoSource } from './echo-source';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const source = new EchoSource();
let database: TestDatabase;
let env: Env;
let worker: RunningCommand;
let connection: Connection;
let client: Client;
let pool: DatabasePool;
let warehouse: TestWarehouse;
let scheduleId: string;

const command = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await strata(args, env);
  if (code !== 0) throw new Error(`strata ${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
  return stdout;
};

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = serversOf(database.url);
  scheduleId = `${database.name}/hourly`;
  worker = startStrata(['worker'], env);
  await worker.prints('worker for warehouse');
  connection = await Connection.connect({ address: testTemporalAddress() });
  client = new Client({ connection });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 2 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
  // There is a coordinator, and tables.
  await command('run');
});
afterAll(async () => {
  await client.schedule
    .getHandle(scheduleId)
    .delete()
    .catch(() => undefined);
  await client.workflow
    .getHandle(pipelineWorkflowId(database.name))
    .terminate()
    .catch(() => undefined);
  await worker.stop();
  await connection.close();
  await pool.end();
  await database.drop();
  source.remove();
});

const ingest = async (step: LoadStep): Promise<void> => {
  const output = await command('ingest', step.dataset, source.write(step), '--json');
  const { files } = JSON.parse(output) as { files: { batchId: string; outcome: string }[] };
  expect(files).toMatchObject([{ outcome: 'published' }]);
  source.accept(step, Number(files[0]?.batchId));
};

const temporal = (...args: string[]): Promise<string> => command('temporal', 'workflow', ...args);

const fullRefresh = (): Promise<string> =>
  temporal('signal', '--workflow-id', pipelineWorkflowId(database.name), '--name', SIGNAL.fullRefresh);

/** A run that no coordinator knows of; waits for its end. */
const uncoordinatedRun = async (name: string): Promise<void> => {
  const workflowId = `${database.name}/${name}`;
  await temporal(
    'start',
    '--type',
    WORKFLOW.transform,
    '--task-queue',
    database.name,
    '--workflow-id',
    workflowId,
  );
  expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ state: 'success' });
};

/** A Schedule of Temporal's, which starts one run at once. */
const schedule = async (): Promise<void> => {
  await client.schedule.create({
    scheduleId,
    spec: { intervals: [{ every: '1h' }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOW.transform,
      workflowId: `${database.name}/scheduled`,
      taskQueue: database.name,
      args: [],
    },
    state: { triggerImmediately: true },
  });
};

/** The runs that the schedule has started, ended. */
const scheduledRuns = async (count: number): Promise<void> => {
  const handle = client.schedule.getHandle(scheduleId);
  const actions = await waitFor(
    async () => {
      const { recentActions } = (await handle.describe()).info;
      return recentActions.length >= count && recentActions;
    },
    { what: `${count} runs of the schedule`, timeoutMs: 30_000, intervalMs: 100 },
  );
  for (const { action } of actions) {
    const { workflowId, firstExecutionRunId } = action.workflow;
    const run = client.workflow.getHandle(workflowId, firstExecutionRunId);
    expect(await run.result()).toMatchObject({ state: 'success' });
  }
};

const quiet = (): Promise<PipelineStatus> =>
  waitFor(
    async () => {
      const pipeline = client.workflow.getHandle(pipelineWorkflowId(database.name));
      const status = await pipeline.query<PipelineStatus>(QUERY.status);
      return status.running === undefined && status.queue.length === 0 && status;
    },
    { timeoutMs: 60_000, intervalMs: 100, what: 'the coordinator to be idle' },
  );

/** Runs that did not succeed, and nodes that needed a second try. */
const troubles = async (): Promise<readonly unknown[]> => {
  const { rows } = await pool.query(
    rawSql(`select r.state, n.label, n.state as node_state, n.attempts, n.message from ops.run as r
      left join ops.model_run as n on n.run_id = r.run_id and (n.state <> 'success' or n.attempts > 1)
      where r.state <> 'success' or n.run_id is not null`),
  );
  return rows;
};

interface Round {
  readonly customers: LoadStep;
  readonly transactions: LoadStep;
}

const ids = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

const ROUNDS: readonly Round[] = [
  {
    customers: {
      kind: 'load',
      dataset: 'customers',
      rows: ids(0, 40).map((i) => customer(`c${i}`, '2024-01-01')),
    },
    transactions: {
      kind: 'load',
      dataset: 'transactions',
      rows: ids(0, 200).map((i) => transaction(`t${i}`, `c${i % 50}`, `2024-0${1 + (i % 6)}-15`)),
    },
  },
  {
    // Late changes, which restate facts of the first round; new customers, whose facts came before them.
    customers: {
      kind: 'load',
      dataset: 'customers',
      rows: ids(20, 30).map((i) => customer(`c${i}`, '2024-03-01', { segment: 'growth' })),
    },
    // Corrections of half of the first round's, and new ones.
    transactions: {
      kind: 'load',
      dataset: 'transactions',
      rows: ids(100, 200).map((i) =>
        transaction(`t${i}`, `c${i % 50}`, `2024-0${1 + (i % 7)}-20`, { amount: 500n }),
      ),
    },
  },
];

test('loads, runs, a full refresh, a run past the coordinator and a schedule, all at once, leave the tables of a computation from scratch', async () => {
  for (const [index, { customers, transactions }] of ROUNDS.entries()) {
    const trigger = index === 0 ? schedule : () => client.schedule.getHandle(scheduleId).trigger();
    await Promise.all([
      ingest(customers),
      ingest(transactions),
      command('run'),
      fullRefresh(),
      uncoordinatedRun(`by-hand-${index}`),
      trigger(),
    ]);
    await scheduledRuns(index + 1);
    const { finished } = await quiet();
    expect(finished.map((run) => run.state)).not.toContain('failed');
    expect(finished.filter((run) => run.transform?.fullRefresh)).toHaveLength(index + 1);
    expect(await warehouse.tables()).toEqual(source.expected());
  }
  expect(await troubles()).toEqual([]);
}, 180_000);

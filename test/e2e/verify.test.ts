import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shadowSchema } from '../../src/compiler/shadow';
import { createTestDatabase, runStatements, type TestDatabase } from '../support/database';
import { queryRows } from '../support/stack-homes';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const CUSTOMERS = `customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at
C1,Ann,a@x.io,starter,basic,search,2024-01-01,2024-01-01
C2,Bob,b@x.io,growth,pro,,2024-01-02,2024-01-02
`;

const TRANSACTIONS = `transaction_id,customer_id,transaction_date,amount,transaction_type,status
T1,C1,2024-02-01,10.00,subscription,completed
T2,C2,2024-03-01,20.00,subscription,completed
`;

const dir = mkdtempSync(join(tmpdir(), 'strata-e2e-'));
let database: TestDatabase;
let env: Env;
let worker: RunningCommand;

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = serversOf(database.url);
  worker = startStrata(['worker'], env);
  await worker.prints('worker for warehouse');
  writeFileSync(join(dir, 'customers.csv'), CUSTOMERS);
  writeFileSync(join(dir, 'transactions.csv'), TRANSACTIONS);
  await ingest('customers');
  await ingest('transactions');
});

afterAll(async () => {
  await worker.stop();
  await database.drop();
  rmSync(dir, { recursive: true });
});

const ingest = async (dataset: string, ...options: string[]): Promise<void> => {
  const { code, stderr } = await strata(['ingest', dataset, join(dir, `${dataset}.csv`), ...options], env);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
};

/** Where each row lies, and which transaction wrote it. */
const places = async (): Promise<unknown[]> => {
  const tables = ['gold.dim_customer', 'gold.fct_transactions', 'platinum.mart_revenue_monthly'];
  tables.push('platinum.mart_revenue_daily', 'platinum.mart_mrr_monthly', 'platinum.mart_kpis_monthly');
  const parts = tables.map((t) => `select '${t}' as name, ctid::text, xmin::text from ${t}`);
  return queryRows(database.url, `${parts.join(' union all ')} order by 1, 2, 3`);
};

/** Starts workflow `verify` by Temporal's own command line, and waits for its end. */
const startByTemporal = async (workflowId: string): Promise<string> => {
  const start = ['workflow', 'start', '--type', 'verify', '--workflow-id', workflowId];
  await strata(['temporal', ...start, '--task-queue', database.name], env);
  const { stdout, stderr } = await strata(
    ['temporal', 'workflow', 'result', '--workflow-id', workflowId],
    env,
  );
  return stdout + stderr;
};

// dbt-labs/segment#62.
test('tables as strata left them equal a full refresh', async () => {
  const { code, stdout } = await strata(['verify'], env);
  expect(stdout).toMatch(/^gold\.dim_customer +equal +2 rows in 1 period$/m);
  expect(stdout).toMatch(/^Of 12 relations 12 equal a full refresh; in [\d.]+s$/m);
  expect(code).toBe(0);
  expect(await startByTemporal(`${database.name}/verify-equal`)).toContain('COMPLETED');
});

test('a known file loaded again by --force leaves dimension, facts and marts where they are', async () => {
  const before = await places();
  expect(before).toHaveLength(12);
  await ingest('customers', '--force');
  await ingest('transactions', '--force');
  expect(await places()).toEqual(before);
  const silver = 'select distinct _batch_id from silver.stg_transactions';
  expect(await queryRows(database.url, silver)).toEqual([{ _batch_id: '4' }]);
});

test('a row that was changed by hand is named, and the exit code is 1', async () => {
  await runStatements(database.url, ["update gold.dim_customer set name = null where customer_id = 'C2'"]);
  const { code, stdout, stderr } = await strata(['verify', '--select', 'dim_customer', 'stg_customers'], env);
  expect(code).toBe(1);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^silver\.stg_customers +equal +2 rows$/m);
  expect(stdout).toMatch(/^gold\.dim_customer +DIFFERS +2 rows in 1 period +2024-01: 1 different$/m);
  expect(stdout).toContain('    different   ("C2", "2024-01-02 00:00:00+00")  differs in name\n');
  const json = await strata(['verify', '--select', 'dim_customer', '--json'], env);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    state: 'failed',
    differences: [{ relation: 'gold.dim_customer', unequal: [{ kind: 'different', columns: ['name'] }] }],
  });
  const history = await startByTemporal(`${database.name}/verify-different`);
  expect(history).toMatch(
    /FAILED[\s\S]*gold\.dim_customer: differs from a full refresh: 2024-01: 1 different/,
  );
  expect(history).not.toContain('C2');
});

test('the shadows of a run that Temporal knows nothing of are dropped when the next run ends', async () => {
  const runId = randomUUID();
  const schema = shadowSchema(runId);
  await runStatements(database.url, [
    `insert into ops.run (run_id, workflow_id, command, plan_hash, selected)
      select '${runId}', 'killed', 'verify', plan_hash, 1 from ops.plan limit 1`,
    `create schema ${schema}`,
  ]);
  const { code } = await strata(['run', '--select', 'stg_customers'], env);
  expect(code).toBe(0);
  // Can be made again: it is no longer there.
  await runStatements(database.url, [`create schema ${schema}`, `drop schema ${schema}`]);
});

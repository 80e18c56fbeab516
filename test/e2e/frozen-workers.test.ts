import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy';
import {
  createTestDatabase,
  openSession,
  type Session,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { echoTables } from '../support/echo-tables';
import { customer, transaction } from '../support/echo-rows';
import type { LoadStep } from '../support/histories/history';
import { waitFor } from '../support/wait-for';
import { EchoSource } from './echo-source';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

/** One chunk of 48 MB, and more after it than sockets hold. */
const BIG_ROWS = 3_100;
const NOTE = 'x'.repeat(20_000);
const NODE = 'model.echo.stg_customers';

const source = new EchoSource();
let database: TestDatabase;
let env: Env;
let watch: Session;
let proxy: CuttableProxy;
const gates: Session[] = [];
const workers: RunningCommand[] = [];

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = serversOf(database.url);
  watch = await openSession(database.url);
  proxy = await openCuttableProxy(testTemporalAddress());
});
afterAll(async () => {
  for (const worker of workers) worker.signal('SIGCONT');
  for (const gate of gates) await gate.close();
  for (const worker of workers) await worker.stop();
  await proxy.close();
  await watch.close();
  await database.drop();
  source.remove();
});

const startWorker = async (address: string): Promise<RunningCommand> => {
  const worker = startStrata(['worker'], { ...env, TEMPORAL_ADDRESS: address });
  workers.push(worker);
  await worker.prints('worker for warehouse');
  return worker;
};

const command = async (...args: string[]): Promise<void> => {
  const { code, stdout, stderr } = await strata(args, env);
  if (code !== 0) throw new Error(`strata ${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
};

/** Loads a file, as the batch that it will be. */
const ingest = async (batchId: number, step: LoadStep, path: string, ...options: string[]): Promise<void> => {
  await command('ingest', step.dataset, path, ...options);
  source.accept(step, batchId);
};

/** Asks for a table for itself: `granted` when it has it, until `open`. */
const closeGate = async (
  table: string,
): Promise<{ granted: Promise<unknown>; open: () => Promise<unknown> }> => {
  const gate = await openSession(database.url);
  gates.push(gate);
  await gate.query('begin');
  const granted = gate.query(`lock table ${table} in access exclusive mode`);
  return { granted, open: () => gate.query('rollback') };
};

const sessionWhere = (condition: string): Promise<number> =>
  waitFor(
    async () => {
      const [row] = await watch.query(`select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and ${condition}`);
      return row && Number(row.pid);
    },
    { timeoutMs: 30_000, what: `a session with ${condition}` },
  );

const node = "application_name like 'strata node %'";
const copy = "application_name like 'strata load %'";
const waitsForLock = "wait_event_type = 'Lock'";

/** Begins the load of a big file, and lets it come to the COPY of its second chunk, which waits for what is returned. */
const loadToSecondChunk = async (): Promise<{ load: Promise<void>; open: () => Promise<unknown> }> => {
  const first = await closeGate('strata_bronze.transactions');
  await first.granted;
  const rows = Array.from({ length: BIG_ROWS }, (_, i) => transaction(`big${i}`, 'c1', '2024-02-01'));
  const step: LoadStep = { kind: 'load', dataset: 'transactions', rows };
  const load = ingest(4, step, source.write(step, NOTE), '--no-transform');
  await sessionWhere(`${copy} and ${waitsForLock}`);
  const second = await closeGate('strata_bronze.transactions');
  await sessionWhere(`query like 'lock table%' and ${waitsForLock}`);
  await first.open();
  // Comes before the second chunk: it has waited longer.
  await second.granted;
  await sessionWhere(`${copy} and ${waitsForLock}`);
  return { load, open: second.open };
};

/** Begins a run, and lets it come to the middle of a node, which waits for what is returned. */
const runToMiddleOfNode = async (): Promise<{ run: Promise<void>; open: () => Promise<unknown> }> => {
  const gate = await closeGate('silver.stg_customers');
  await gate.granted;
  const run = command('run', '--select', 'stg_customers+');
  await sessionWhere(`${node} and ${waitsForLock}`);
  return { run, open: gate.open };
};

const attemptsAtNode = (): Promise<unknown> =>
  watch.query(`select a.delivery, m.state, m.rows_inserted from ops.node_attempt as a
    inner join ops.model_run as m using (run_id, node_id)
    where node_id = '${NODE}' order by m.finished_at`);

const left = (): Promise<unknown> =>
  watch.query(`select application_name, state from pg_stat_activity as s
    where datname = current_database() and pid <> pg_backend_pid() and (state <> 'idle'
      or exists (select from pg_locks as l where l.pid = s.pid and l.locktype = 'advisory'))`);

/** Tables, and a change of a customer that no run has seen. */
const prepare = async (): Promise<void> => {
  const customers: LoadStep = { kind: 'load', dataset: 'customers', rows: [customer('c1', '2024-01-01')] };
  await ingest(1, customers, source.write(customers), '--no-transform');
  const paid = [transaction('t1', 'c1', '2024-02-01')];
  const transactions: LoadStep = { kind: 'load', dataset: 'transactions', rows: paid };
  await ingest(2, transactions, source.write(transactions));
  const rows = [customer('c1', '2024-01-15', { segment: 'growth' }), customer('c2', '2024-01-02')];
  const changes: LoadStep = { kind: 'load', dataset: 'customers', rows };
  await ingest(3, changes, source.write(changes), '--no-transform');
};

test('a worker that stands still in the middle of a model and of a COPY is replaced, and when it goes on it changes nothing', async () => {
  const frozen = await startWorker(proxy.address);
  await prepare();
  const [{ load, open: openLoad }, { run, open: openRun }] = [
    await loadToSecondChunk(),
    await runToMiddleOfNode(),
  ];
  const other = await startWorker(testTemporalAddress());
  frozen.signal('SIGSTOP');
  // Else the server would go on giving work to whoever does not answer, for as long as it seems to ask.
  proxy.cut();
  await Promise.all([openLoad(), openRun()]);
  // The server has done what it was told, and waits for the frozen worker: with its locks and its rows.
  const held = [
    await sessionWhere(`${node} and state = 'idle in transaction'`),
    await sessionWhere(`${copy} and wait_event = 'ClientRead'`),
  ];
  await Promise.all([load, run]);
  expect(await watch.query(`select from pg_stat_activity where pid in (${held.join()})`)).toEqual([]);
  const done = await attemptsAtNode();
  expect(done).toMatchObject([{ delivery: 1 }, { delivery: 2, state: 'success', rows_inserted: '2' }]);

  frozen.signal('SIGCONT');
  expect(await other.stop()).toMatchObject({ code: 0 });
  // Now alone: it is awake, and of use.
  await command('run', '--select', 'stg_transactions+');
  expect(await frozen.stop()).toMatchObject({ code: 0 });
  expect(await attemptsAtNode()).toEqual(done);
  expect(await left()).toEqual([]);
  expect(await echoTables(database.url)).toEqual(source.expected());
  const chunks = 'select count(*)::integer as chunks, sum(rows_loaded)::integer as rows from ops.load_chunk';
  expect(await watch.query(`${chunks} group by load_id having count(*) > 1`)).toEqual([
    { chunks: 2, rows: BIG_ROWS },
  ]);
}, 120_000);

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

const source = new EchoSource();
let database: TestDatabase;
let env: Env;
let watch: Session;
let gate: Session;
let toPostgres: CuttableProxy;
let toTemporal: CuttableProxy;
const workers: RunningCommand[] = [];

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase({ template: 'migrated' });
  env = serversOf(database.url);
  watch = await openSession(database.url);
  gate = await openSession(database.url);
  toPostgres = await openCuttableProxy(new URL(database.url).host);
  toTemporal = await openCuttableProxy(testTemporalAddress());
});
afterAll(async () => {
  await gate.close();
  toPostgres.heal();
  toTemporal.heal();
  for (const worker of workers) await worker.stop();
  await Promise.all([toPostgres.close(), toTemporal.close(), watch.close()]);
  await database.drop();
  source.remove();
});

const startWorker = async (host: string, servers: Env): Promise<RunningCommand> => {
  const worker = startStrata(['worker'], { ...env, ...servers, STRATA_HOST: host });
  workers.push(worker);
  await worker.prints('worker for warehouse');
  return worker;
};

const cuttable = (): Env => {
  const url = new URL(database.url);
  url.host = toPostgres.address;
  return { DATABASE_URL: url.toString(), TEMPORAL_ADDRESS: toTemporal.address };
};

/** Loads a file, as the batch that it will be; its path is every host's, so nothing is pinned. */
const ingest = async (batchId: number, step: LoadStep, ...options: string[]): Promise<void> => {
  const path = source.write(step);
  const { code, stdout, stderr } = await strata(['ingest', step.dataset, path, ...options], {
    ...env,
    STRATA_HOST: 'elsewhere',
  });
  if (code !== 0) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
  source.accept(step, batchId);
};

const paid = (count: number, mark: string): LoadStep => ({
  kind: 'load',
  dataset: 'transactions',
  rows: Array.from({ length: count }, (_, i) => transaction(`${mark}${i}`, 'c1', '2024-02-01')),
});

const copyWaitsForLock = (): Promise<unknown> =>
  waitFor(
    async () => {
      const rows = await watch.query(`select from pg_stat_activity where datname = current_database()
        and application_name like 'strata load %' and wait_event_type = 'Lock'`);
      return rows.length > 0;
    },
    { timeoutMs: 30_000, what: 'a load that waits in its COPY' },
  );

test('a worker that is cut off from both servers in the middle of a load is replaced, takes work again when it is back, and writes nothing twice', async () => {
  await startWorker('one', cuttable());
  const customers: LoadStep = { kind: 'load', dataset: 'customers', rows: [customer('c1', '2024-01-01')] };
  await ingest(1, customers, '--no-transform');
  await ingest(2, paid(10, 'a'));

  await gate.query('begin');
  await gate.query('lock table strata_bronze.transactions in access exclusive mode');
  const loading = ingest(3, paid(2_000, 'b'));
  loading.catch(() => undefined);
  await copyWaitsForLock();
  // The worker is told of nothing, and PostgreSQL neither: each waits for the other one. Temporal would for a minute.
  toPostgres.stall();
  toTemporal.stall();
  toTemporal.forget();
  const two = await startWorker('two', {});
  await gate.query('rollback');
  await loading;
  expect(await echoTables(database.url)).toEqual(source.expected());

  toPostgres.heal();
  toTemporal.heal();
  expect(await two.stop()).toMatchObject({ code: 0 });
  // Now alone, and of use.
  await ingest(4, paid(10, 'c'));
  expect(await echoTables(database.url)).toEqual(source.expected());
  const written = `select _batch_id::integer as batch, count(*)::integer as rows,
    count(distinct _row_number)::integer as numbers from strata_bronze.transactions group by 1 order by 1`;
  expect(await watch.query(written)).toEqual([
    { batch: 2, rows: 10, numbers: 10 },
    { batch: 3, rows: 2_000, numbers: 2_000 },
    { batch: 4, rows: 10, numbers: 10 },
  ]);
}, 240_000);

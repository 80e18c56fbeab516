import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { waitFor } from '../support/wait-for';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const CUSTOMERS = `customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at
C1,Ann,a@x.io,starter,basic,search,2024-01-01,2024-01-01
C2,Bob,b@x.io,growth,pro,,2024-01-02,2024-01-02
`;
const TRANSACTIONS = `transaction_id,customer_id,transaction_date,amount,transaction_type,status,note
T1,C1,2024-01-05,29.00,subscription,completed,x
T2,C2,2024-02-05,99.00,subscription,completed,y
T3,C2,2024-02-06,-5.00,one_time,completed,z
`;
const ONE_ERROR_LINE = /^error: [^\n]+\n$/;

const dir = mkdtempSync(join(tmpdir(), 'strata-e2e-'));
const write = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

let database: TestDatabase;
let env: Env;
let worker: RunningCommand;

const query = async (text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
};

const json = async (args: readonly string[]): Promise<Record<string, unknown>> => {
  const { code, stdout, stderr } = await strata([...args, '--json'], env);
  if (code !== 0) throw new Error(`strata ${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
};

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = serversOf(database.url);
  worker = startStrata(['worker'], env);
  await worker.prints('worker for warehouse');
});

afterAll(async () => {
  const { code } = await worker.stop();
  await database.drop();
  rmSync(dir, { recursive: true });
  expect(code).toBe(0);
});

describe('the commands, one after another on one warehouse', () => {
  test('a dry run counts and shows the first errors with their lines, and needs no server', async () => {
    const file = write('t.csv', TRANSACTIONS);
    const { code, stdout } = await strata(['ingest', 'transactions', file, '--dry-run'], {
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/3 read, 2 valid, 1 bad/);
    expect(stdout).toMatch(/line 4: /);
  });

  test('ingest loads, transforms and prints a line for the file and one for each node', async () => {
    const file = write('c.csv', CUSTOMERS);
    const { code, stdout, stderr } = await strata(['ingest', 'customers', file], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^customers c\.csv: batch 1, 2 read, 2 loaded, 0 rejected\n/);
    expect(stdout).toMatch(/\d of \d+ OK +gold\.dim_customer +scd2 /);
    expect(stdout).toMatch(/\nDone\. PASS=\d+ WARN=0 ERROR=0 SKIP=0 TOTAL=\d+ in [\d.]+s\n$/);
  });

  test('ingest --json tells of files and run in one document', async () => {
    const document = await json(['ingest', 'transactions', write('t.csv', TRANSACTIONS)]);
    expect(document).toMatchObject({
      files: [
        {
          batchId: '2',
          outcome: 'published',
          rowsRead: 3,
          rowsLoaded: 2,
          rowsRejected: 1,
          extraColumns: ['note'],
        },
      ],
      run: { state: 'success', command: 'run' },
    });
  });

  test('a file that is known succeeds and says so', async () => {
    const { code, stdout } = await strata(['ingest', 'transactions', write('again.csv', TRANSACTIONS)], env);
    expect(code).toBe(0);
    expect(stdout).toBe('transactions again.csv: already loaded as batch 2; nothing to do\n');
  });

  test('--force loads a known content again', async () => {
    const document = await json(['ingest', 'transactions', join(dir, 't.csv'), '--force', '--no-transform']);
    expect(document).toMatchObject({ files: [{ outcome: 'published', rowsLoaded: 2 }], run: null });
  });

  test('several files are accepted in the order of the arguments', async () => {
    const file = (n: number): string =>
      write(`many-${n}.csv`, `spend_date,channel,amount\n2024-01-0${n},search,${n}.00\n`);
    const files = [5, 2, 4, 1, 3].map(file);
    const document = await json(['ingest', 'marketing_spend', ...files]);
    const found = (document.files as { file: string; batchId: string }[]).map((f) => [
      f.file,
      Number(f.batchId),
    ]);
    const ids = found.map(([, id]) => id as number);
    expect(found.map(([name]) => name)).toEqual(files);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  test('run and test report their nodes', async () => {
    const run = await json(['run', '--select', '+fct_transactions']);
    expect(run).toMatchObject({ state: 'success', command: 'run' });
    expect((run.results as { name: string }[]).map((r) => r.name)).toContain('dim_customer');
    const tests = await json(['test']);
    expect(tests).toMatchObject({ state: 'success', command: 'test' });
    expect((tests.results as unknown[]).length).toBeGreaterThan(0);
  });

  test('status shows runs, batches, freshness, dead letters and lag', async () => {
    const status = await json(['status']);
    expect(status).toMatchObject({ warehouse: database.name, lag: [] });
    expect(status.deadLetters).toEqual([expect.objectContaining({ dataset: 'transactions', state: 'open' })]);
    expect((status.freshness as { dataset: string }[]).map((f) => f.dataset)).toEqual([
      'customers',
      'marketing_spend',
      'transactions',
    ]);
    const { stdout } = await strata(['status'], env);
    for (const title of ['Runs', 'Batches', 'Freshness', 'Dead letters', 'Lag'])
      expect(stdout).toContain(`\n${title}\n`);
  });

  test('source freshness says why a source is not fresh; a warning exits 0, an error 1', async () => {
    const old = await strata(['source', 'freshness'], env);
    expect(old.code).toBe(0);
    expect(old.stdout).toMatch(
      /raw\.transactions: batch \d+ was loaded .* but the latest time in the data is/,
    );
    expect(old.stdout).toMatch(/\nFreshness: warn\. PASS=\d WARN=\d ERROR=0 SKIP=0\n$/);
    await query(
      `update ops.load set loaded_at = loaded_at - interval '25 hours' where dataset = 'customers'`,
    );
    const silent = await strata(['source', 'freshness', '--select', 'source:raw.customers', '--json'], env);
    expect(silent.code).toBe(1);
    expect(JSON.parse(silent.stdout)).toMatchObject({
      status: 'error',
      sources: [{ source: 'raw.customers', status: 'error', diagnosis: 'source_silent' }],
    });
    const { checks } = await json(['status']);
    expect(checks).toContainEqual(expect.objectContaining({ source: 'raw.customers', status: 'error' }));
    expect(checks).toContainEqual(expect.objectContaining({ source: 'raw.transactions', status: 'warn' }));
  });

  test('compile prints the SQL that would run now', async () => {
    const { code, stdout } = await strata(['compile', '--select', 'stg_transactions'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^-- silver\.stg_transactions \(models\/.*incremental\)\n/);
    expect(stdout).not.toMatch(/\{\{|\{%/);
  });

  test('ls lists nodes, sources and datasets without any server', async () => {
    const { code, stdout } = await strata(['ls', '--resource-type', 'model'], {});
    expect(code).toBe(0);
    expect(stdout.split('\n')).toContain('echo.dimensions.dim_customer');
    const datasets = await strata(['ls', '--resource-type', 'dataset', '--json'], {});
    expect((JSON.parse(datasets.stdout) as { name: string }[]).map((d) => d.name).sort()).toEqual([
      'customers',
      'marketing_spend',
      'transactions',
    ]);
  });

  test('migrate says that there is nothing to do', async () => {
    expect(await json(['migrate'])).toMatchObject({ applied: [] });
  });

  test("Temporal's own command line starts a load, and the coordinator runs the models", async () => {
    const binary = (await strata(['temporal', '--version'], env)).stdout;
    expect(binary).toMatch(/temporal version/);
    const file = write('more.csv', TRANSACTIONS.replace('T1,', 'T9,'));
    const args = ['workflow', 'start', '--type', 'ingest', '--task-queue', database.name];
    const started = await strata(
      ['temporal', ...args, '--input', JSON.stringify({ dataset: 'transactions', file })],
      env,
    );
    expect(started.code).toBe(0);
    await waitFor(
      async () => (await query("select from gold.fct_transactions where transaction_id = 'T9'")).length === 1,
      { timeoutMs: 30_000, what: 'T9 in the facts' },
    );
  });

  test('--detach returns at once; the work goes on', async () => {
    const file = write('later.csv', TRANSACTIONS.replace('T1,', 'T8,'));
    const { code, stdout } = await strata(['ingest', 'transactions', file, '--detach'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^transactions later\.csv: batch \d+ accepted, loading as /);
    await waitFor(
      async () => (await query("select from gold.fct_transactions where transaction_id = 'T8'")).length === 1,
      { timeoutMs: 30_000, what: 'T8 in the facts' },
    );
  });
});

describe('what fails is one line on stderr and an exit code', () => {
  test.each([
    ['a missing file', ['ingest', 'transactions', '/nowhere/t.csv'], 1, 'FILE_NOT_FOUND'],
    ['an unknown dataset', ['ingest', 'nothing', __filename], 1, 'DATASET_UNKNOWN'],
    ['a missing project', ['ls', '--project-dir', '/nowhere'], 1, 'PROJECT_NOT_FOUND'],
    ['a selection of nothing', ['run', '--select', 'no_such_model'], 1, 'SELECTION_EMPTY'],
    ['an unknown flag', ['run', '--frobnicate'], 2, 'frobnicate'],
  ])('%s', async (_what, args, exitCode, text) => {
    const { code, stdout, stderr } = await strata(args, env);
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    expect(stderr).toMatch(ONE_ERROR_LINE);
    expect(stderr).toContain(text);
  });

  test('a Temporal server that is not there', async () => {
    const { code, stderr } = await strata(['run'], { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(code).toBe(1);
    expect(stderr).toMatch(ONE_ERROR_LINE);
    expect(stderr).toContain('TEMPORAL_UNREACHABLE');
  });

  test('a database that is not there', async () => {
    const { code, stderr } = await strata(['status'], {
      ...env,
      DATABASE_URL: 'postgresql://nobody:secret-word@127.0.0.1:1/none',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(ONE_ERROR_LINE);
    expect(stderr).toContain('DATABASE_UNREACHABLE');
    expect(stderr).not.toContain('secret-word');
  });

  test('a stack trace comes with --verbose only', async () => {
    const { stderr } = await strata(['ls', '--project-dir', '/nowhere', '--verbose'], env);
    expect(stderr).toMatch(/\n\s+at /);
  });
});

test('help answers at once', async () => {
  const startedAt = performance.now();
  expect((await strata(['--help'])).code).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

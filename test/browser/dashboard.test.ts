import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import type { ChartRowsView, PageView } from '../../src/dashboard/routes/charts';
import type { PartsView } from '../../src/dashboard/routes/parts';
import { createWarehousePool } from '../../src/db/pool';
import { periodRows } from '../../src/db/relation-rows';
import { pipelineWorkflowId, SIGNAL } from '../../src/wire/names';
import {
  createTestDatabase,
  runStatements,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { waitFor } from '../support/wait-for';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata } from '../e2e/strata';
import { openBrowser } from './open-browser';

const TOKEN = 'the-operators-token';
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
// On a busy machine a file takes its time to the marts.
const WAIT_MS = 60_000;
jest.setTimeout(3 * WAIT_MS);

const CUSTOMERS = `customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at
C1,Ann,ann@example.com,starter,basic,search,2026-01-05,2026-01-05
C1,Ann,ann@example.com,growth,pro,search,2026-01-05,2026-02-10
`;
const TRANSACTIONS = `transaction_id,customer_id,transaction_date,amount,transaction_type,status
T1,C1,2026-01-20,29.00,subscription,completed
T2,C1,2026-02-20,99.00,subscription,completed
T3,C1,2026-02-21,60.00,gift,completed
`;
const LATER = `transaction_id,customer_id,transaction_date,amount,transaction_type,status
T4,C1,2026-02-25,200.00,subscription,completed
`;

const uploadDir = mkdtempSync(join(tmpdir(), 'strata-uploads-'));
let database: TestDatabase;
let env: Env;
let server: RunningCommand;
let url: string;
let browser: Browser;
/** One that watches, and one that acts. */
let watcher: Page;
let operator: Page;

const startServer = async (address: string): Promise<string> => {
  server = startStrata(['dashboard', '--inline-worker'], { ...env, STRATA_DASHBOARD_ADDRESS: address });
  await server.prints('Ctrl-C');
  return /http:\S+/.exec(server.stdout())?.[0] ?? '';
};

const call = (path: string, init: RequestInit = {}, token: string | null = TOKEN): Promise<Response> =>
  fetch(`${url}/api/v1${path}`, {
    ...init,
    headers: { ...init.headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
  });

const upload = async (dataset: string, text: string): Promise<void> => {
  const response = await call(`/uploads?dataset=${dataset}&name=${dataset}.csv`, {
    method: 'POST',
    body: text,
  });
  expect(response.status).toBe(202);
};

const openPage = async (hash: string): Promise<Page> => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(`${url}/${hash}`);
  return page;
};

const figure = (page: Page, id: string, text: string): Promise<unknown> =>
  page.locator(`[data-figure=${id}]`, { hasText: text }).waitFor();

/** Signals the coordinator past the page, as the Web UI and the CLI do. */
const signalPipeline = async (name: string): Promise<void> => {
  const connection = await Connection.connect({ address: testTemporalAddress() });
  try {
    await new Client({ connection }).workflow.getHandle(pipelineWorkflowId(database.name)).signal(name);
  } finally {
    await connection.close();
  }
};

/** Drops a file on the page, as a person does: once the page knows who asks, and takes files. */
const drop = async (page: Page, name: string, text: string): Promise<void> => {
  const dataTransfer = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: 'text/csv' }));
    return transfer;
  })()`);
  await page.locator('.drop:not(.disabled)').dispatchEvent('drop', { dataTransfer });
};

beforeAll(async () => {
  requireBuild();
  [database, browser] = await Promise.all([createTestDatabase(), openBrowser()]);
  env = { ...serversOf(database.url), STRATA_DASHBOARD_TOKEN: TOKEN, STRATA_UPLOAD_DIR: uploadDir };
  url = await startServer('127.0.0.1:0');
  await upload('customers', CUSTOMERS);
  [watcher, operator] = await Promise.all([openPage('#/kpis'), openPage(`#token=${TOKEN}`)]);
});

afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
  rmSync(uploadDir, { recursive: true });
});

test('a file with bad rows is dropped on the page: its report tells them, and figures elsewhere change by themselves', async () => {
  await watcher.evaluate('isSamePage = true');
  await operator.goto(`${url}/#/upload`);
  await drop(operator, 'of-who-knows-what.csv', TRANSACTIONS);
  await operator.getByText('The name begins with no dataset').waitFor();
  await drop(operator, 'transactions-2026.csv', TRANSACTIONS);
  await operator.getByText('3 rows read, 2 loaded, 1 bad.').waitFor();
  await operator.getByText('Line 4 transaction_type "gift" is not one of').waitFor();
  await figure(watcher, 'mrr', '$99');
  expect(await watcher.evaluate("'isSamePage' in window")).toBe(true);
});

test('a dead letter is mended and replayed', async () => {
  await operator.getByRole('link', { name: 'All bad rows' }).click();
  await operator.getByRole('link', { name: '1', exact: true }).click();
  await operator.locator('input[name=transaction_type]').fill('subscription');
  await operator.getByRole('button', { name: 'Save and replay' }).click();
  await operator.getByRole('cell', { name: 'replayed' }).waitFor();
  await figure(watcher, 'mrr', '$159');
});

test('from a value of a chart the way leads to its facts, the version of the dimension, and the line of the file', async () => {
  await operator.goto(`${url}/#/kpis?months=all`);
  const panel = operator.getByRole('region', { name: 'Revenue by segment', exact: true });
  await panel.getByRole('button', { name: 'Table' }).click();
  await panel.getByRole('link', { name: '$159.00' }).click();
  await operator.locator('[data-sum]', { hasText: '$159.00' }).waitFor();
  await operator.getByRole('link', { name: 'T2' }).click();
  const origin = operator.getByRole('region', { name: 'Where it came from' });
  await origin.getByText('transactions-2026.csv').waitFor();
  expect(await origin.locator('dl').innerText()).toMatch(/Line\s+3\s/);
  const version = operator.getByRole('region', { name: 'Version' });
  expect(await version.locator('dl').innerText()).toMatch(/segment\s+growth/);
});

test('from a movement of MRR the way leads to the customers that it is made of, and to their facts', async () => {
  await operator.goto(`${url}/#/kpis?months=all`);
  const panel = operator.getByRole('region', { name: 'MRR movements', exact: true });
  await panel.getByRole('button', { name: 'Table' }).click();
  // 159.00 in February, 29.00 in January.
  await panel.getByRole('link', { name: '$130.00' }).click();
  await operator.locator('[data-sum]', { hasText: '$130.00' }).waitFor();
  const parts = operator.getByRole('region', { name: 'Parts' });
  expect(await parts.locator('tbody tr').allInnerTexts()).toEqual(['C1\tAnn\t$130.00']);
  await parts.getByRole('link', { name: 'C1' }).click();
  await operator.getByRole('link', { name: 'T2', exact: true }).waitFor();
  // Each column of the charts is the sum of what dashboard.yml says that it is.
  const { charts } = (await (await call('/dashboard')).json()) as PageView;
  for (const { id, facts } of charts) {
    const { columns, rows } = (await (await call(`/charts/${id}`)).json()) as ChartRowsView;
    for (const series of Object.keys(facts?.of?.series ?? {}))
      for (const row of rows) {
        const answer = await call(`/parts?chart=${id}&period=${row[0]}&series=${series}`);
        const { sum } = (await answer.json()) as PartsView;
        expect([id, series, Number(sum)]).toEqual([id, series, Number(row[columns.indexOf(series)])]);
      }
  }
});

test('a question that makes no sense is the fault of who asks', async () => {
  const answers = await Promise.all(
    ['/runs?after=x|y', '/facts?chart=mrr&period=9999-12-01', '/history/%00', '/batches?after=x'].map(
      (path) => call(path),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
});

test('a column that dashboard.yml names and the mart has not is said by name; a mart that is not built has no rows', async () => {
  const pool = await createWarehousePool(database.url, { maximumPoolSize: 1 });
  try {
    const read = (name: string, column: string): Promise<unknown> =>
      periodRows(pool, {
        relation: { schema: 'platinum', name },
        columns: [column],
        time: 'month',
        limit: 1,
      });
    await expect(read('mart_kpis_monthly', 'mmr')).rejects.toMatchObject({
      code: 'PROJECT_INVALID',
      message: 'dashboard.yml does not fit platinum.mart_kpis_monthly: column "mmr" does not exist',
    });
    expect(await read('mart_not_built', 'mrr')).toEqual([]);
  } finally {
    await pool.end();
  }
});

test('a full refresh is started and watched to its end', async () => {
  await operator.goto(`${url}/#/live`);
  const newest = operator.getByRole('region', { name: 'Newest run' });
  await operator.getByRole('button', { name: 'Full refresh' }).click();
  await newest.getByText('full refresh, begun').waitFor();
  await newest.locator('.state', { hasText: 'success' }).waitFor();
  await newest.getByText('12 of 12 done').waitFor();
  await operator.getByRole('button', { name: 'Pause' }).click();
  await operator.getByText('Paused: runs wait').waitFor();
  // What somebody else tells the coordinator is seen as well.
  await signalPipeline(SIGNAL.resume);
  await operator.getByRole('button', { name: 'Pause' }).waitFor();
  await signalPipeline(SIGNAL.pause);
  await operator.getByText('Paused: runs wait').waitFor();
  await operator.getByRole('button', { name: 'Resume' }).click();
  await operator.getByRole('button', { name: 'Pause' }).waitFor();
});

test('without the token the page only reads', async () => {
  const reader = await openPage('#/live');
  await reader.getByText('12 of 12 done').waitFor();
  expect(await reader.getByRole('button', { name: 'Full refresh' }).isDisabled()).toBe(true);
  await reader.goto(`${url}/#/dead-letters`);
  await reader.getByText('only the operator sees them').waitFor();
  const refused = await call('/pipeline/pause', { method: 'POST' }, null);
  expect(refused.headers.get('content-type')).toMatch('application/problem+json');
  expect(await refused.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
  const answers = await Promise.all([
    call('/pipeline/pause', { method: 'POST' }, 'another-token-of-someone'),
    call('/dead-letters', {}, null),
    call('/uploads?dataset=customers&name=x.csv', { method: 'POST', body: CUSTOMERS }, null),
    call('/pipeline/pause', { method: 'POST', headers: { origin: 'https://elsewhere.example' } }),
    call('/pipeline/pause', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 403, 403]);
});

test('a listener that the database cut off comes back', async () => {
  await runStatements(database.url, [
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'strata dashboard listener'",
  ]);
  await waitFor(
    async () => ((await (await call('/session')).json()) as { isListening: boolean }).isListening,
  );
  await upload('transactions', LATER);
  await figure(watcher, 'mrr', '$359');
});

test('the page comes back when the server was killed', async () => {
  server.signal('SIGKILL');
  await watcher.getByText('Reconnecting').waitFor();
  await startServer(new URL(url).host);
  await watcher.getByText('Live', { exact: true }).last().waitFor();
  await upload('transactions', LATER.replace('T4', 'T5'));
  await figure(watcher, 'mrr', '$559');
  expect(await watcher.evaluate("'isSamePage' in window")).toBe(true);
});

test('no file stays in the upload folder when its rows are in the database', async () => {
  await waitFor(() => readdirSync(uploadDir).length === 0, { what: 'an empty upload folder' });
});

test.each([
  ['kpis', 'light'],
  ['kpis', 'dark'],
  ['live', 'light'],
  ['dead-letters/1', 'light'],
  ['history/C1', 'light'],
  ['parts?chart=movements&period=2026-02-01&series=expansion_mrr', 'light'],
  ['models', 'dark'],
  ['models/dim_customer', 'light'],
  ['upload', 'dark'],
] as const)('axe finds nothing serious on #/%s (%s)', async (view, colorScheme) => {
  await operator.emulateMedia({ colorScheme });
  await operator.goto(`${url}/#/${view}`);
  await operator.waitForLoadState('networkidle');
  // The page's policy lets no script in; the debugger's way does.
  await operator.evaluate(AXE);
  const { violations } = await operator.evaluate<AxeResults>('axe.run()');
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
});

test.each([
  'kpis',
  'live',
  'dead-letters',
  'dead-letters/1',
  'history/C1',
  'facts?chart=revenue-by-segment&period=2026-02-01&series=growth',
  'fact/T2',
  'parts?chart=movements&period=2026-02-01&series=expansion_mrr',
  'models',
  'models/dim_customer',
  'upload',
])('nothing of #/%s is wider than a phone', async (view) => {
  await operator.setViewportSize({ width: 360, height: 740 });
  await operator.goto(`${url}/#/${view}`);
  await operator.waitForLoadState('networkidle');
  expect(await operator.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
});

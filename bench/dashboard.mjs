// How long from a commit to the screen, and what many open pages cost:
//
//   node bench/dashboard.mjs URL DATABASE_URL PID [PAGES [SECONDS]]
//
// URL and PID: of a `strata dashboard` over the database of `strata demo`, at DATABASE_URL. Once a second a transaction
// changes MRR of the newest month and the version of its mart, as a run does. First one page in a browser watches the figure;
// then PAGES (300) connections listen and each asks for the figures at every change, as pages do. Changes are taken back.
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import chromium from '@sparticuz/chromium';
import pg from 'pg';
import { chromium as playwright } from 'playwright-core';

const [url, databaseUrl, pid, pageCount = '300', seconds = '60'] = process.argv.slice(2);
if (pid === undefined) {
  process.stderr.write('Usage: node bench/dashboard.mjs URL DATABASE_URL PID [PAGES [SECONDS]]\n');
  process.exit(2);
}
const PAGES = Math.min(Number(pageCount), 1_000);
const UPDATES = Math.min(Number(seconds), 300);
const say = (line) => process.stdout.write(`${line}\n`);

const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const spread = (values) =>
  `${values.length} values, median ${Math.round(percentile(values, 0.5))} ms, 95 % ${Math.round(percentile(values, 0.95))} ms, max ${Math.round(Math.max(...values))} ms`;

const client = new pg.Client({ connectionString: databaseUrl });
await client.connect();

/** Changes MRR by `by` in one transaction; returns when it began to commit. */
const change = async (by) => {
  await client.query('begin');
  await client.query(
    'update platinum.mart_kpis_monthly set mrr = mrr + $1 where month = (select max(month) from platinum.mart_kpis_monthly)',
    [by],
  );
  await client.query(
    "update ops.relation set version = version where relation = 'platinum.mart_kpis_monthly'",
  );
  const at = performance.timeOrigin + performance.now();
  await client.query('commit');
  return at;
};

/** One change a second, up and down in turn; `onChange` hears of each, when it begins to commit. */
const changes = async (count, onChange) => {
  for (let n = 0; n < count; n += 1) {
    const began = performance.now();
    await onChange(await change(n % 2 === 0 ? 5_000 : -5_000));
    await sleep(Math.max(0, 1_000 - (performance.now() - began)));
  }
  if (count % 2 === 1) await change(-5_000);
};

const watchInBrowser = async () => {
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-gl=angle', '--use-angle=swiftshader'],
  });
  const page = await browser.newPage();
  await page.goto(`${url}/#/kpis`);
  await page.locator('[data-figure=mrr]').waitFor();
  await page.evaluate(`
    drawnAt = [];
    // After the frame that has the change.
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
      drawnAt.push(performance.timeOrigin + performance.now());
    }))).observe(document.querySelector('[data-figure=mrr]'), { characterData: true, childList: true, subtree: true });
  `);
  const began = [];
  await changes(UPDATES, (at) => began.push(at));
  await sleep(1_000);
  const drawnAt = await page.evaluate('drawnAt');
  await browser.close();
  const delays = began.flatMap((at, n) => {
    const drawn = drawnAt.find((time) => time >= at && time < (began[n + 1] ?? Infinity));
    return drawn === undefined ? [] : [drawn - at];
  });
  say(`commit to screen: ${spread(delays)} (of ${began.length} changes)`);
};

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

const fetchFigures = () =>
  new Promise((resolve, reject) => {
    get(`${url}/api/v1/figures`, { agent }, (answer) => {
      answer.resume().once('end', resolve).once('error', reject);
    }).once('error', reject);
  });

/** A page without a screen: hears, and asks. */
const openPage = (heard) =>
  new Promise((resolve, reject) => {
    const request = get(`${url}/api/v1/events`, { agent: false }, (answer) => {
      answer.setEncoding('utf8').on('data', (text) => {
        if (text.includes('event: hello')) resolve(request);
        if (text.includes('data: data platinum.mart_kpis_monthly')) heard();
      });
    }).once('error', reject);
  });

const TICKS_A_SECOND = 100;
const usage = () => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1_024;
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND, memory };
};

const listenByMany = async () => {
  const before = usage();
  let changedAt = 0;
  const [heard, answered] = [[], []];
  const now = () => performance.timeOrigin + performance.now();
  const onHeard = () => {
    const at = changedAt;
    heard.push(now() - at);
    fetchFigures().then(
      () => answered.push(now() - at),
      () => undefined,
    );
  };
  // The commit is told of before it returns here: what is heard belongs to the change that is under way.
  const marked = async () => {
    changedAt = now();
    await change(0.01);
  };
  const pages = [];
  for (let n = 0; n < PAGES; n += 50)
    pages.push(
      ...(await Promise.all(Array.from({ length: Math.min(50, PAGES - n) }, () => openPage(onHeard)))),
    );
  const open = usage();
  const began = performance.now();
  for (let n = 0; n < UPDATES; n += 1) {
    await marked();
    await sleep(1_000);
  }
  const lasted = (performance.now() - began) / 1_000;
  const after = usage();
  await change(-0.01 * UPDATES);
  for (const page of pages) page.destroy();
  agent.destroy();
  say(`${PAGES} pages, ${UPDATES} changes in ${Math.round(lasted)} s:`);
  say(`  commit to event:  ${spread(heard)} (${PAGES * UPDATES} sent)`);
  say(`  commit to answer: ${spread(answered)}`);
  say(`  server: ${(((after.cpuSeconds - open.cpuSeconds) / lasted) * 100).toFixed(0)} % of a core`);
  say(
    `  memory: ${Math.round(before.memory)} MB before, ${Math.round(open.memory)} with the pages, ${Math.round(after.memory)} after`,
  );
};

try {
  await watchInBrowser();
  await listenByMany();
} finally {
  await client.end();
}

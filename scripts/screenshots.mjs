// Takes the pictures of docs/: the page's main views, and Temporal's Web UI with a run in it.
//
//   npx --no-install strata dev                   # in one terminal
//   npx --no-install strata demo                  # in another; then, with the address that dev prints for PostgreSQL
//   STRATA_DASHBOARD_TOKEN=... npx --no-install strata dashboard --database-url postgresql://.../strata_demo
//   node scripts/screenshots.mjs http://127.0.0.1:8235 TOKEN
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import chromium from '@sparticuz/chromium';
import { chromium as playwright } from 'playwright-core';

const [url, token] = process.argv.slice(2);
if (token === undefined) {
  process.stderr.write('Usage: node scripts/screenshots.mjs URL TOKEN\n');
  process.exit(2);
}
const dir = resolve(import.meta.dirname, '..', 'docs', 'images');
mkdirSync(dir, { recursive: true });

const WIDE = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };
const QUIET_MS = 800;

const api = async (path) => {
  const answer = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  return answer.json();
};

const shoot = async (page, name) => {
  // Charts are drawn, and graphs laid out, once their figures are there.
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.waitForTimeout(QUIET_MS);
  const path = join(dir, `${name}.png`);
  await page.screenshot({ path });
  process.stdout.write(`${name}.png ${Math.round(statSync(path).size / 1024)} KB\n`);
};

const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-gl=angle', '--use-angle=swiftshader'],
});
const open = async (options) => {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(`${url}/#token=${token}`);
  await page.getByText('Operator: leave').waitFor();
  return page;
};

try {
  const { items: found } = await api('/history?q=');
  const histories = await Promise.all(
    found.map(({ key }) => api(`/history/${key}`).then((h) => ({ key, ...h }))),
  );
  const longest = histories.sort((a, b) => b.versions.length - a.versions.length)[0];
  const { items: letters } = await api('/dead-letters?limit=8');

  const wide = await open({ viewport: WIDE });
  const views = [
    ['kpis', '/#/kpis'],
    ['live', '/#/live'],
    ['dead-letter', `/#/dead-letters/${letters.at(-1)?.id}`],
    ['explore', `/#/history/${longest?.key}`],
    ['models', '/#/models'],
    ['upload', '/#/upload'],
  ];
  for (const [name, path] of views) {
    await wide.goto(`${url}${path}`);
    await shoot(wide, `dashboard-${name}`);
  }
  const dark = await open({ viewport: WIDE, colorScheme: 'dark' });
  await dark.goto(`${url}/#/kpis`);
  await shoot(dark, 'dashboard-dark');
  const phone = await open({ viewport: PHONE });
  await phone.goto(`${url}/#/kpis`);
  await shoot(phone, 'dashboard-phone');

  const { temporalUrl } = await api('/session');
  if (temporalUrl !== null) {
    const { items: runs } = await api('/runs?limit=1');
    const ui = await (await browser.newContext({ viewport: { width: 1360, height: 900 } })).newPage();
    await ui.goto(`${temporalUrl}/namespaces/default/workflows`);
    await shoot(ui, 'temporal-workflows');
    await ui.goto(runs[0].temporalUrl);
    await shoot(ui, 'temporal-run');
    await ui
      .getByRole('tab', { name: 'User Metadata' })
      .or(ui.getByRole('link', { name: 'User Metadata' }))
      .first()
      .click();
    await shoot(ui, 'temporal-run-details');
  }
} finally {
  await browser.close();
}

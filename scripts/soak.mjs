// Loads a file every so many seconds and watches what grows:  node scripts/soak.mjs --minutes 60 --every 1 --json soak.json
// With --burst FILES [--workers N]: so many files at the same moment. Needs dist/ (npm run build).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createJiti } from 'jiti';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    every: { type: 'string', default: '1' },
    burst: { type: 'string' },
    workers: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const log = (line) => process.stderr.write(`${line}\n`);

const jiti = createJiti(import.meta.url);
const { runBurst, runSoak } = await jiti.import('../test/soak/soak.ts');
const { joinStack } = await jiti.import('../src/stack/index.ts');

const home = mkdtempSync(join(tmpdir(), 'strata-soak-'));
const stack = await joinStack({
  home,
  binaryCache: join(import.meta.dirname, '..', '.strata', 'bin'),
  needs: { postgres: true, temporal: true },
  role: 'soak',
  ports: { postgres: 0, temporal: 0, temporalUi: 0 },
  log,
});
let report;
try {
  const servers = {
    databaseUrl: stack.databaseUrl,
    temporalAddress: stack.temporalAddress,
    warehouse: 'strata',
  };
  const common = { servers, folder: home, log };
  report =
    values.burst === undefined
      ? await runSoak({ ...common, minutes: Number(values.minutes), intervalMs: 1000 * Number(values.every) })
      : await runBurst({ ...common, files: Number(values.burst), workers: Number(values.workers) });
} finally {
  await stack.release();
  rmSync(home, { recursive: true, force: true });
}
const text = JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? Number(value) : value), 2);
if (values.json !== undefined) writeFileSync(values.json, `${text}\n`);
const { samples, ...summary } = JSON.parse(text);
process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
process.exit(report.problems.length === 0 ? 0 : 1);

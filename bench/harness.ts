/** strata on the data of the harness that measures dbt and SQLMesh; figures as lines of its results.jsonl. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { baseFolder, batchFolder } from './data';
import { checkpoint, connect, secondsSince } from './floor';
import { openStack } from './open-stack';
import { checkTwoMarts, makeTwoMarts } from './two-marts';
import { Warehouse } from './warehouse';

const USAGE = `usage: node scripts/harness-strata.mjs DATA [--batches N] [--size NAME] [--two-marts]

  DATA         a folder that the harness has generated: base/, batch_01/ ...
  --batches N  how many of the batches (default 3)
  --size NAME  what the harness calls this size (default 2m)
  --two-marts  only the two marts that dbt and SQLMesh build there, compared with the facts at the end
`;
const NOTHING_RUNS = 3;
/** As the harness starts its server. */
const SETTINGS = { shared_buffers: '2GB', max_wal_size: '8GB' };

const record = (scenario: string, seconds: number, more: object = {}): void => {
  const rounded = Math.round(seconds * 1000) / 1000;
  process.stdout.write(`${JSON.stringify({ tool: 'strata', scenario, seconds: rounded, ...more })}\n`);
};

/** What the harness does for the others between the full build and the batches. */
const tidy = async (databaseUrl: string): Promise<void> => {
  const client = await connect(databaseUrl);
  try {
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
  await checkpoint(databaseUrl);
};

const measure = async (
  warehouse: Warehouse,
  databaseUrl: string,
  { folder, size, batches }: { readonly folder: string; readonly size: string; readonly batches: number },
): Promise<void> => {
  const base = await warehouse.firstBuild(baseFolder(folder));
  record(`${size} full build`, base.seconds, { steps: base.steps, load_s: base.steps.load });
  await tidy(databaseUrl);
  for (let batch = 1; batch <= batches; batch++) {
    const { seconds, steps } = await warehouse.batchByRequest(batchFolder(folder, batch));
    record(`${size} batch`, seconds - (steps.load ?? 0), { steps, load_s: steps.load });
  }
  for (let i = 0; i < NOTHING_RUNS; i++) {
    const startedAt = performance.now();
    await warehouse.transform();
    record(`${size} nothing new`, secondsSince(startedAt));
  }
};

export const main = async (argv: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: {
      batches: { type: 'string', default: '3' },
      size: { type: 'string', default: '2m' },
      'two-marts': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [folder] = positionals;
  if (folder === undefined || !existsSync(join(baseFolder(folder), 'transactions.csv'))) {
    process.stderr.write(USAGE);
    return 2;
  }
  const home = mkdtempSync(join(tmpdir(), 'strata-harness-'));
  const stack = await openStack({ home, postgresSettings: SETTINGS, log: () => undefined });
  let warehouse: Warehouse | undefined;
  try {
    const databaseUrl = new URL(stack.databaseUrl ?? '');
    const admin = await connect(databaseUrl.toString());
    await admin.query('create database harness');
    await admin.end();
    databaseUrl.pathname = '/harness';
    const projectDir = values['two-marts'] ? join(home, 'project') : undefined;
    if (projectDir !== undefined) makeTwoMarts(projectDir);
    warehouse = await Warehouse.open({
      databaseUrl: databaseUrl.toString(),
      temporalAddress: stack.temporalAddress ?? '',
      warehouse: 'harness',
      inbox: join(home, 'inbox'),
      projectDir,
    });
    await measure(warehouse, databaseUrl.toString(), {
      folder: resolve(folder),
      size: values.size,
      batches: Number(values.batches),
    });
    if (projectDir !== undefined) await checkTwoMarts(databaseUrl.toString());
    return 0;
  } finally {
    await warehouse?.close();
    await stack.release();
    rmSync(home, { recursive: true, force: true });
  }
};

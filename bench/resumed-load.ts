/**
 * A load that is killed at 90 % of its file, and what the next one does:  npx jiti bench/resumed-load.ts FILE
 * FILE: transactions, as bench/generate-transactions.mjs writes them, plain or .gz.
 */
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createGunzip } from 'node:zlib';
import { migrate } from '../src/db/migrate';
import { createWarehousePool } from '../src/db/pool';
import { acceptBatch } from '../src/ingest';
import { joinStack } from '../src/stack';
import { killAndResume } from '../test/support/kill-and-resume';

const KILLED_AT = 0.9;
const TIMEOUT_MS = 1_800_000;

const contentBytes = async (file: string): Promise<number> => {
  let bytes = 0;
  const raw = createReadStream(file);
  const content = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  for await (const block of content) bytes += (block as Buffer).length;
  return bytes;
};

const main = async (file: string): Promise<void> => {
  const home = mkdtempSync(join(tmpdir(), 'strata-bench-'));
  const stack = await joinStack({
    home,
    binaryCache: resolve(__dirname, '..', '.strata', 'bin'),
    needs: { postgres: true, temporal: false },
    role: 'bench',
    ports: { postgres: 0 },
    log: () => undefined,
  });
  try {
    const databaseUrl = stack.databaseUrl ?? '';
    const pool = await createWarehousePool(databaseUrl, { maximumPoolSize: 1 });
    await migrate(pool);
    const run = { workflowId: 'bench', workflowRunId: 'bench' };
    const { batchId } = await acceptBatch({ pool }, { dataset: 'transactions', file: resolve(file), ...run });
    await pool.end();
    const killedAtBytes = (await contentBytes(file)) * KILLED_AT;
    const startedAt = performance.now();
    const load = await killAndResume({ databaseUrl, batchId }, { killedAtBytes, timeoutMs: TIMEOUT_MS });
    const seconds = (performance.now() - startedAt) / 1000;
    process.stdout.write(`${JSON.stringify({ file, killedAtBytes, ...load, seconds }, null, 2)}\n`);
  } finally {
    await stack.release();
    rmSync(home, { recursive: true, force: true });
  }
};

void main(process.argv[2] ?? '');

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { migrate } from '../../src/db/migrate';
import { createWarehousePool } from '../../src/db/pool';
import { joinStack, type StackMember } from '../../src/stack';
import { withFileLock } from '../../src/stack/file-lock';
import { sweepLeases } from '../../src/stack/leases';
import { resetServers } from '../../src/stack/servers';
import { stackPaths } from '../../src/stack/stack-paths';
import { urlOfDatabase } from './database';
import { memoryFolder } from './memory-folder';

const checkout = resolve(__dirname, '..', '..');
/** Any constant will do; not the one of the migrations. */
const TEMPLATE_LOCK = '7310418624';

/** What tests gain by and data would lose: a crash of the machine may cost them. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** In memory where there is enough: making a table takes a tenth of the time that it takes on some disks. */
const home = memoryFolder(checkout) ?? join(checkout, '.strata', 'test');
const binaryCache = join(checkout, '.strata', 'bin');

/** What the servers hold isn't needed after a run, and memory is dear. */
const removeData = (log: (line: string) => void): Promise<void> => {
  const paths = stackPaths(home, binaryCache);
  return withFileLock(
    paths.lock,
    async () => {
      if (sweepLeases(paths.leases).length === 0) await resetServers(paths);
    },
    { log, holderDoes: 'starts or stops the servers of the tests' },
  );
};

/** The servers of all tests of a run; two runs in one checkout share them. Never on the ports that a user's have. */
export const joinTestStack = async (log: (line: string) => void): Promise<StackMember> => {
  const stack = await joinStack({
    home,
    binaryCache,
    needs: { postgres: true, temporal: true },
    role: 'test',
    ports: { postgres: 0, temporal: 0, temporalUi: 0 },
    postgresSettings: { ...FAST, max_connections: '200', max_wal_size: '512MB', min_wal_size: '80MB' },
    data: 'fresh',
    temporalBinary: process.env.STRATA_TEMPORAL_BIN,
    log,
  });
  return { ...stack, release: () => stack.release().then(() => removeData(log)) };
};

const migrationsDigest = (): string => {
  const dir = join(checkout, 'sql', 'migrations');
  const digest = createHash('sha256');
  for (const name of readdirSync(dir).sort()) digest.update(name).update(readFileSync(join(dir, name)));
  return digest.digest('hex').slice(0, 12);
};

const migrateDatabase = async (url: string): Promise<void> => {
  const pool = await createWarehousePool(url, { maximumPoolSize: 1 });
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
};

/** The database that `createTestDatabase({ template: 'migrated' })` copies; made once for these migrations. */
export const ensureTemplate = async (adminUrl: string): Promise<string> => {
  const name = `template_${migrationsDigest()}`;
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 1) return name;
    await admin.query(`drop database if exists ${name}_new with (force)`);
    await admin.query(`create database ${name}_new template template0`);
    await migrateDatabase(urlOfDatabase(adminUrl, `${name}_new`));
    await admin.query(`alter database ${name}_new rename to ${name}`);
    return name;
  } finally {
    await admin.end();
  }
};

type GlobalWithStack = typeof globalThis & { strataTestStack?: StackMember | undefined };

/** Jest loads set-up and teardown apart; what they share is the process. */
export const heldStack = globalThis as GlobalWithStack;

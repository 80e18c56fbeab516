import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import {
  adminUrl,
  createTestDatabase,
  runStatements,
  openSession,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { textsIn } from '../support/texts-in';
import { transactionLine, transactionsFile } from '../unit/ingest/csv-files';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const SECRET = 'pl@nted-S3cret';
/** In rows: what senders send shows in dead letters and bronze alone. */
const SENT = 'xq7-sent-value';
const ROLE = `secrets_${process.pid}`;

let database: TestDatabase;
let env: Env;
let worker: RunningCommand;
const dir = mkdtempSync(join(tmpdir(), 'strata-secrets-'));
/** All that commands and worker said. */
const said: string[] = [];

const write = (name: string, text: string): string => {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};

const run = async (args: readonly string[], over: Env = {}): Promise<number | null> => {
  const { code, stdout, stderr } = await strata([...args, '--verbose'], { ...env, ...over });
  said.push(stdout, stderr);
  return code;
};

const histories = async (): Promise<string[]> => {
  const connection = await Connection.connect({ address: testTemporalAddress() });
  const client = new Client({ connection });
  const texts: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${database.name}'` }))
    texts.push(...textsIn(await client.workflow.getHandle(workflowId, runId).fetchHistory()));
  await connection.close();
  return texts;
};

/** All that strata's own tables say, but for what senders sent. */
const records = async (): Promise<string[]> => {
  const session = await openSession(database.url);
  const tables = await session.query(`
    select oid::regclass::text as name from pg_class
    where relnamespace = 'ops'::regnamespace and relkind in ('r', 'v') and relname not like 'dead\\_letter%'
  `);
  const texts: string[] = [];
  for (const { name } of tables)
    texts.push(...textsIn(await session.query(`select to_jsonb(t)::text as row from ${String(name)} as t`)));
  await session.close();
  return texts;
};

const withUser = (url: string, user: string, password: string): string => {
  const address = new URL(url);
  address.username = user;
  address.password = password;
  return address.toString();
};

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  await runStatements(adminUrl(), [`create role ${ROLE} login superuser password '${SECRET}'`]);
  env = {
    ...serversOf(withUser(database.url, ROLE, SECRET)),
    STRATA_SET_ROLES: 'on',
    STRATA_RETRIES: '0',
    STRATA_LOG_LEVEL: 'debug',
    SOME_API_TOKEN: SECRET,
  };
  write('p/dbt_project.yml', 'name: p\n');
  write(
    'p/models/fails.sql',
    `{{ config(materialized='table') }} select (current_user || ' 1 / 0')::int as a`,
  );
  write(
    'p/datasets/leaky.ts',
    `import { column, defineDataset, z } from 'strata';
     export const leaky = defineDataset({
       name: 'leaky',
       key: ['id'],
       schema: z.object({ id: column.id(), count: column.integer().overwrite((text) => text + ' ${SENT}') }),
     });`,
  );
  worker = startStrata(['worker', '--verbose'], env);
  await worker.prints('worker for warehouse');
});

afterAll(async () => {
  await worker.stop();
  await database.drop();
  await runStatements(adminUrl(), [`drop role if exists ${ROLE}`]);
  rmSync(dir, { recursive: true });
});

test('a planted secret is in no output, log, history or record after all kinds of failures, nor is what was sent', async () => {
  const bad = write('bad.csv', 'id\n1\n');
  expect(await run(['ingest', 'transactions', bad])).toBe(1);
  expect(await run(['ingest', 'transactions', join(dir, 'none.csv')])).toBe(1);
  expect(await run(['run', '--project-dir', join(dir, 'p')])).toBe(1);
  const letter = write('letter.csv', transactionsFile(transactionLine(1), transactionLine(2, SENT)));
  expect(await run(['ingest', 'transactions', letter, '--no-transform'])).toBe(0);
  expect(await run(['dlq', 'replay', '--all', '--no-transform'])).toBe(0);
  const leaky = write('leaky.csv', 'id,count\na,7\n');
  expect(await run(['ingest', 'leaky', leaky, '--project-dir', join(dir, 'p')])).toBe(1);
  const broken = withUser(database.url, 'nobody_at_all', SECRET);
  const unreachable = await Promise.all([
    run(['status'], { DATABASE_URL: broken }),
    run(['status'], { DATABASE_URL: `postgres://u:${SECRET}@unreachable.invalid/x` }),
    run(['status'], { DATABASE_URL: `mysql://u:${SECRET}@h/x` }),
    run(['status', '--database-url', `postgres://u:${SECRET}@127.0.0.1:1/x`], {}),
    run(['worker'], { TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_API_KEY: SECRET }),
  ]);
  expect(unreachable.filter((code) => code === 0)).toEqual([]);
  const { stdout, stderr } = await worker.stop();
  const told = { said, logs: [stdout, stderr], histories: await histories(), records: await records() };
  // What is searched holds what happened.
  const happened = {
    said: ['HEADER_MISSING_COLUMN', '_transformer 1 / 0', 'SQLSTATE 22P02', '1 rejected'],
    logs: ['loadFile'],
    histories: ['HEADER_MISSING_COLUMN', '_transformer 1 / 0', 'SQLSTATE 22P02'],
    records: ['HEADER_MISSING_COLUMN', '_transformer 1 / 0', 'SQLSTATE 22P02'],
  };
  for (const [where, words] of Object.entries(happened))
    for (const word of words)
      expect(
        told[where as keyof typeof told].some((text) => text.includes(word)) || `${word} in ${where}`,
      ).toBe(true);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const forms = [SECRET, encodeURIComponent(SECRET), 'S3cret', base64(SECRET), SENT, base64(SENT)];
  for (const form of forms)
    expect(Object.values(told).flatMap((texts) => texts.filter((text) => text.includes(form)))).toEqual([]);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database';
import {
  type CommandResult,
  type Env,
  requireBuild,
  type RunningCommand,
  serversOf,
  startStrata,
  strata,
} from './strata';

const project = ['--project-dir', resolve(__dirname, '..', 'fixtures', 'projects', 'members')];
const dir = mkdtempSync(join(tmpdir(), 'strata-complete-'));

let database: TestDatabase;
let env: Env;
let worker: RunningCommand;

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = serversOf(database.url);
  worker = startStrata(['worker', ...project], env);
  await worker.prints('worker for warehouse');
});

afterAll(async () => {
  await worker.stop();
  await database.drop();
  rmSync(dir, { recursive: true });
});

const query = async (text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows as unknown[];
  } finally {
    await client.end();
  }
};

const extract = (name: string, ...rows: string[]): string => {
  const path = join(dir, name);
  writeFileSync(path, ['member_id,email,plan,updated_at,is_deleted', ...rows, ''].join('\n'));
  return path;
};

const ingest = (...args: string[]): Promise<CommandResult> =>
  strata(['ingest', 'members', ...args, ...project], env);

const tables = async (): Promise<unknown> => [
  await query('select member_id, updated_at, plan, is_deleted from club.stg_members order by 1, 2'),
  await query('select * from club.dim_member order by member_id, valid_from'),
];

test('extracts that are declared complete open and close windows of the dimension, and a full refresh repeats them', async () => {
  const january = extract('january.csv', 'M1,a@x.io,free,2024-01-01,', 'M2,b@x.io,pro,2024-01-02,');
  expect((await ingest(january)).code).toBe(0);
  const february = extract('february.csv', 'M1,a@x.io,pro,2024-01-20,');
  const declared = [february, '--complete', '--as-of', '2024-02-01'];
  expect((await ingest(...declared)).stdout).toMatch(
    /^members february\.csv: batch 2, 1 read, 1 loaded, 0 rejected\nmembers february\.csv: declared complete: 1 closed, 0 reopened\n/,
  );
  expect((await ingest(...declared)).stdout).toMatch(/already loaded as batch 2; nothing to do/);
  const march = ['--complete', '--as-of', '2024-03-01T00:00+00:00', '--json'];
  const { stdout } = await ingest(january, ...march);
  expect(JSON.parse(stdout)).toMatchObject({
    files: [{ batchId: '4', outcome: 'published', rowsRead: 2, rowsClosed: 0, rowsReopened: 1 }],
  });
  const windows = await query(
    `select member_id, plan, (valid_from at time zone 'UTC')::date::text, (valid_to at time zone 'UTC')::date::text, is_current
    from club.dim_member order by member_id, valid_from`,
  );
  expect(windows).toEqual([
    ['M1', 'free', '2024-01-01', '2024-01-20', false],
    ['M1', 'pro', '2024-01-20', null, true],
    ['M2', 'pro', '2024-01-02', '2024-02-01', false],
    ['M2', 'pro', '2024-03-01', null, true],
  ]);
  const before = await tables();
  expect((await strata(['run', '--full-refresh', ...project], env)).code).toBe(0);
  expect(await tables()).toEqual(before);
});

test('a complete load that would close too many is rejected, and loads with --max-deletes', async () => {
  const nobody = extract('nobody.csv');
  const declared = [nobody, '--complete', '--as-of', '2024-04-01', '--no-transform'];
  const refused = await ingest(...declared);
  expect(refused).toMatchObject({ code: 1, stderr: '' });
  expect(refused.stdout).toMatch(
    /rejected, nothing loaded: it would close 2 of the 2 that are alive \(100 %\), more than the 50 % allowed\n$/,
  );
  expect((await ingest(...declared, '--max-deletes', '1')).stdout).toMatch(/2 closed, 0 reopened/);
});

test('a dataset that has no deletes can not be declared complete', async () => {
  const file = join(dir, 'c.csv');
  writeFileSync(file, 'spend_date,channel,amount\n');
  const declared = ['--complete', '--as-of', '2024-01-01', '--dry-run'];
  const { code, stderr } = await strata(['ingest', 'marketing_spend', file, ...declared]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: DELETES_UNDECLARED: Dataset marketing_spend has no deletes[^\n]*\n$/);
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client } from 'pg';
import { WORKFLOW } from '../../src/wire/names';
import type { ReplayResult } from '../../src/wire/replay';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import {
  type CommandResult,
  type Env,
  requireBuild,
  type RunningCommand,
  serversOf,
  startStrata,
  strata,
} from './strata';

/** In records and errors of dead letters; nowhere else may it turn up. */
const PLANTED = 'xq7secret';
const CUSTOMERS = `customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at
C1,Ann,a@x.io,starter,basic,search,2024-01-01,2024-01-01
C1,Ann,${PLANTED}@x.io,${PLANTED},pro,search,2024-01-01,2024-02-01
C1,Ann,a@x.io,enterprise,pro,search,2024-01-01,2024-03-01
`;
const TRANSACTIONS = `status,transaction_id,customer_id,transaction_date,amount,transaction_type
completed,T1,C1,2024-01-15,10.00,subscription
completed,T2,C1,2024-02-15,20.00,subscription
completed,T3,C1,2024-03-15,30.00,subscription
completed,T4,C1,2024-03-16,-4.00,one_time
completed,T5,C1,2024-03-17,ten,one_time
completed,T6,C1,2024-13-17,6.00,one_time
completed,T7,C1,2024-03-18,7.00
`;
const NEWER = `status,transaction_id,customer_id,transaction_date,amount,transaction_type
completed,T5,C1,2024-03-17,55.00,one_time
`;

const dir = mkdtempSync(join(tmpdir(), 'strata-e2e-dlq-'));
const path = (name: string): string => join(dir, name);
const write = (name: string, text: string): string => {
  writeFileSync(path(name), text);
  return path(name);
};

let database: TestDatabase;
let env: Env;
let worker: RunningCommand;
let client: TemporalClient;
let connection: Connection;

const rows = async (text: string): Promise<unknown[][]> => {
  const db = new Client({ connectionString: database.url });
  await db.connect();
  try {
    return (await db.query({ text, rowMode: 'array' })).rows as unknown[][];
  } finally {
    await db.end();
  }
};
const run = (...args: string[]): Promise<CommandResult> => strata(args, env);
const done = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(...args);
  if (code !== 0) throw new Error(`strata ${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
  return stdout + stderr;
};
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { stdout } = await run(...args, '--json');
  return JSON.parse(stdout) as Record<string, unknown>;
};
const segments = (): Promise<unknown[][]> =>
  rows('select transaction_id, segment, amount::text from gold.fct_transactions order by 1');
const states = (): Promise<unknown[][]> =>
  rows('select id::int, state, attempts from ops.dead_letter_queue order by id');

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase();
  env = { ...serversOf(database.url), STRATA_ACTOR: 'ann' };
  worker = startStrata(['worker'], env);
  await worker.prints('worker for warehouse');
  connection = await Connection.connect({ address: testTemporalAddress() });
  client = new TemporalClient({ connection });
  await done('ingest', 'customers', write('c.csv', CUSTOMERS), '--no-transform');
  await done('ingest', 'transactions', write('t.csv', TRANSACTIONS), write('newer.csv', NEWER));
});

afterAll(async () => {
  await connection.close();
  await worker.stop();
  await database.drop();
  rmSync(dir, { recursive: true });
});

test('list counts by reason and show has record, columns, errors and history', async () => {
  const { letters, counts } = await json('dlq', 'list', '--dataset', 'transactions');
  expect(letters).toHaveLength(4);
  expect(counts).toMatchObject([
    { errorCode: 'INVALID_VALUE', letters: 3 },
    { errorCode: 'WRONG_FIELD_COUNT', letters: 1 },
  ]);
  expect(JSON.stringify(letters)).not.toContain('2024-03-18');
  const list = await done('dlq', 'list', '--code', 'WRONG_FIELD_COUNT', '--limit', '1');
  expect(list).toMatch(/t\.csv +8 +open +1 .* the row has 5 fields, the header has 6/);
  const show = await done('dlq', 'show', '1');
  expect(show).toContain(`record  C1,Ann,${PLANTED}@x.io,${PLANTED},pro,search,2024-01-01,2024-02-01\n`);
  expect(show).toMatch(new RegExp(`error +segment "${PLANTED}" is not one of starter, growth, enterprise`));
  expect(show).toMatch(/segment +xq7secret/);
});

test('a dimension row that is corrected late lands in its place in the history, and facts are restated', async () => {
  expect((await segments()).slice(0, 3).map((row) => row[1])).toEqual(['starter', 'starter', 'enterprise']);
  const edited = await done('dlq', 'edit', '1', '--set', 'segment=growth', '--reason', 'a slip');
  expect(edited).toMatch(/corrected segment\nit passes the checks now/);
  const replayed = await done('dlq', 'replay', '1');
  expect(replayed).toMatch(/^customers: 1 replayed\n/);
  expect(replayed).toMatch(/\nDone\. PASS=/);
  expect((await segments()).slice(0, 3).map((row) => row[1])).toEqual(['starter', 'growth', 'enterprise']);
  const history = 'select segment, valid_from::date::text from gold.dim_customer order by valid_from';
  expect(await rows(history)).toEqual([
    ['starter', '2024-01-01'],
    ['growth', '2024-02-01'],
    ['enterprise', '2024-03-01'],
  ]);
  expect(await rows('select action, actor, reason from ops.dead_letter_action order by action_id')).toEqual([
    ['edited', 'ann', 'a slip'],
    ['replayed', 'ann', null],
  ]);
  expect(await done('dlq', 'replay', '1')).toMatch(/dead letter 1 is replayed already/);
});

test('an export is mended in a file and replayed; an older row does not replace the newer one of its key', async () => {
  const file = path('letters.csv');
  await done('dlq', 'export', file, '--dataset', 'transactions');
  expect(statSync(file).mode & 0o077).toBe(0);
  const exported = readFileSync(file, 'utf8');
  expect(exported).toContain("T4,C1,2024-03-16,'-4.00,one_time,completed,");
  expect((await run('dlq', 'export', file, '--dataset', 'transactions')).code).toBe(1);
  const mended = write(
    'mended.csv',
    exported
      .replace("'-4.00,one_time", "'-4.00,refund")
      .replace('T5,C1,2024-03-17,ten', 'T5,C1,2024-03-17,10.00')
      .replace('T7,C1,2024-03-18,7.00,,', 'T7,C1,2024-03-18,7.00,one_time,'),
  );
  const output = await done('dlq', 'replay', '--with', mended, '--as', 'bob');
  expect(output).toMatch(/1 letters of the file are unchanged/);
  expect(output).toMatch(/transactions: 3 replayed\n/);
  expect(await segments()).toEqual([
    ['T1', 'starter', '10.00'],
    ['T2', 'growth', '20.00'],
    ['T3', 'enterprise', '30.00'],
    ['T4', 'enterprise', '-4.00'],
    ['T5', 'enterprise', '55.00'],
    ['T7', 'enterprise', '7.00'],
  ]);
  expect(
    await rows(
      "select amount::text, _row_number::int from bronze.transactions where transaction_id = 'T5' order by _batch_id",
    ),
  ).toEqual([
    ['10.00', 5],
    ['55.00', 1],
  ]);
  expect((await states()).map((row) => row[1])).toEqual([
    'replayed',
    'replayed',
    'replayed',
    'open',
    'replayed',
  ]);
});

test('replayed by hand, what still fails comes back; discarded it is gone, and reopened it is there again', async () => {
  const result = await client.workflow.execute<(input: unknown) => Promise<ReplayResult>>(
    WORKFLOW.replayDeadLetters,
    { taskQueue: database.name, workflowId: `${database.name}/by-hand`, args: [{ dataset: 'transactions' }] },
  );
  expect(result).toMatchObject({ letters: 1, replayed: 0, failed: 1 });
  expect((await states())[3]).toEqual([4, 'open', 2]);
  expect(await done('dlq', 'discard', '--code', 'INVALID_VALUE', '--reason', 'no such day')).toMatch(
    /^1 dead letter discarded/,
  );
  expect(await done('dlq', 'replay', '--all')).toMatch(/^nothing to replay/);
  expect((await run('dlq', 'replay', '4')).stderr).toMatch(/^error: DEAD_LETTER_NOT_OPEN: /);
  await done('dlq', 'reopen', '4');
  expect((await states())[3]).toEqual([4, 'open', 2]);
});

test('after all this a full refresh changes nothing', async () => {
  const before = await segments();
  await done('run', '--full-refresh');
  expect(await segments()).toEqual(before);
});

test('no value of a record is in any history', async () => {
  const texts: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list({
    query: `TaskQueue = '${database.name}'`,
  })) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    texts.push(
      JSON.stringify(history, (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
      ),
    );
  }
  expect(texts.join('\n')).toContain('replayDeadLetters');
  expect(texts.join('\n')).not.toContain(PLANTED);
});

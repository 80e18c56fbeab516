import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import type { InboxInput, InboxResult } from '../../src/wire/inbox';
import type { IngestInput, IngestResult } from '../../src/wire/ingest';
import { pipelineWorkflowId, QUERY, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import { type StartedWorker, startWorker } from '../../src/worker';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import { type S3Server, startS3Server } from '../support/s3-server';
import { queryRows } from '../support/stack-homes';
import { waitFor } from '../support/wait-for';
import { bundleWorkflows } from '../support/workflow-bundle';
import { failureOf, quietRuntime } from './workflow-worker';

// Two hosts: one has a folder as its inbox, the other one a prefix in S3, and neither may read what the other one has.
const folder = mkdtempSync(join(tmpdir(), 'strata-inbox-'));
const inboxFolder = join(folder, 'in');
const elsewhere = join(folder, 'elsewhere');
const before = { ...process.env };
let database: TestDatabase;
let s3: S3Server;
let workers: StartedWorker[];
let connection: Connection;
let client: Client;
let warehouse: string;

const startHost = async (
  host: string,
  env: Record<string, string>,
  workflowBundle: { code: string },
): Promise<StartedWorker> => {
  const config = loadConfig({
    TEMPORAL_CONFIG_FILE: '/nowhere',
    STRATA_HOST: host,
    STRATA_INBOX_SETTLE: '0',
    ...env,
  });
  const temporal = { ...config.temporal, address: testTemporalAddress() };
  const logger = pino({ level: 'silent' });
  return startWorker({
    config,
    databaseUrl: database.url,
    warehouse,
    temporal,
    logger,
    inside: { workflowBundle },
  });
};

beforeAll(async () => {
  for (const path of [inboxFolder, elsewhere]) mkdirSync(path);
  quietRuntime();
  s3 = await startS3Server('drop');
  Object.assign(process.env, s3.env);
  database = await createTestDatabase({ template: 'migrated' });
  warehouse = database.name;
  const bundle = await bundleWorkflows();
  workers = await Promise.all([
    startHost('host-a', { STRATA_INBOX: inboxFolder, STRATA_FILE_ROOTS: 's3://drop' }, bundle),
    startHost('host-b', { STRATA_INBOX: 's3://drop/in', STRATA_FILE_ROOTS: elsewhere }, bundle),
  ]);
  connection = await Connection.connect({ address: testTemporalAddress() });
  client = new Client({ connection });
});
afterAll(async () => {
  await client.workflow
    .getHandle(pipelineWorkflowId(warehouse))
    .terminate()
    .catch(() => undefined);
  await Promise.all(workers.map((worker) => worker.shutdown()));
  await connection.close();
  await database.drop();
  process.env = before;
  await s3.stop();
  rmSync(folder, { recursive: true });
});

const HEADER = 'transaction_id,customer_id,transaction_date,amount,transaction_type,status\n';
const rows = (...ids: string[]): string =>
  HEADER + ids.map((id) => `${id},c1,2024-01-05,10.00,subscription,completed\n`).join('');

let looks = 0;
const look = (input: InboxInput): Promise<InboxResult> =>
  client.workflow.execute<(i: InboxInput) => Promise<InboxResult>>(WORKFLOW.inbox, {
    taskQueue: warehouse,
    workflowId: `${warehouse}/look-${(looks += 1)}`,
    args: [input],
  });
const ingest = (input: IngestInput): Promise<IngestResult> =>
  client.workflow.execute<(i: IngestInput) => Promise<IngestResult>>(WORKFLOW.ingest, {
    taskQueue: warehouse,
    workflowId: `${warehouse}/by-hand-${(looks += 1)}`,
    args: [input],
  });
const reportOf = (path: string): unknown => JSON.parse(readFileSync(join(inboxFolder, path), 'utf8'));

test('what lies in the inbox is loaded once, moved with a report, and the models run once', async () => {
  writeFileSync(
    join(inboxFolder, 'transactions-1.csv'),
    `${rows('t1', 't2')}t3,c1,nonsense,1,refund,failed\n`,
  );
  writeFileSync(join(inboxFolder, 'transactions-2.csv'), 'transaction_id\nt4\n');
  writeFileSync(join(inboxFolder, 'transactions-3.csv'), rows('t5'));
  writeFileSync(join(inboxFolder, 'orders.csv'), 'x\n');
  const { files } = await look({ host: 'host-a' });
  expect(Object.fromEntries(files.map(({ name, outcome }) => [name, outcome]))).toEqual({
    'transactions-1.csv': 'published',
    'transactions-2.csv': 'rejected',
    'transactions-3.csv': 'published',
    'orders.csv': 'rejected',
  });
  expect(readdirSync(inboxFolder).sort()).toEqual(['done', 'rejected']);
  expect(reportOf('done/transactions-1.csv.report.json')).toMatchObject({
    file: 'transactions-1.csv',
    outcome: 'published',
    rowsRead: 3,
    rowsLoaded: 2,
    firstErrors: [{ lineNumber: 4, error: expect.stringContaining('transaction_date') as string }],
  });
  expect(reportOf('rejected/transactions-2.csv.report.json')).toMatchObject({
    error: { code: 'HEADER_MISSING_COLUMN', hint: expect.any(String) as string },
  });
  expect(reportOf('rejected/orders.csv.report.json')).toMatchObject({ error: { code: 'DATASET_UNKNOWN' } });
  const pipeline = client.workflow.getHandle(pipelineWorkflowId(warehouse));
  const { finished } = await waitFor(
    async () => {
      const status = await pipeline.query<PipelineStatus>(QUERY.status);
      return status.finished.length > 0 && status;
    },
    { timeoutMs: 45_000 },
  );
  const last = files.find(({ name }) => name === 'transactions-3.csv')?.batchId;
  expect(finished).toMatchObject([{ batchIds: [last], state: 'success' }]);
  const facts = await queryRows(database.url, 'select transaction_id from gold.fct_transactions order by 1');
  expect(facts.map((row) => row.transaction_id)).toEqual(['t1', 't2', 't5']);
});

test('a file that comes back again and again is tried again after pauses that grow', async () => {
  const name = 'marketing_spend-1.csv';
  writeFileSync(join(inboxFolder, name), 'spend_date,channel,amount\n2026-01-01,a,1\n');
  const lookAt = async () => {
    const [file] = (await look({ host: 'host-a' })).files;
    // As if it could not be moved away.
    if (file?.movedTo !== undefined) renameSync(file.movedTo, join(inboxFolder, name));
    return [file?.outcome, file?.reason];
  };
  expect((await lookAt())[0]).toBe('published');
  expect((await lookAt())[0]).toBe('duplicate');
  // The pauses themselves are a unit test's; here, seconds pass between two looks.
  expect(await lookAt()).toEqual(['kept', expect.stringMatching(/^it was tried 2 times in vain; again in /)]);
  await queryRows(database.url, "update ops.batch set finished_at = finished_at - interval '1 minute'");
  expect((await lookAt())[0]).toBe('duplicate');
  expect(await lookAt()).toEqual(['kept', expect.stringMatching(/^it was tried 3 times in vain; again in /)]);
  rmSync(join(inboxFolder, name));
});

test('a look that finds nothing does nothing', async () => {
  expect(await look({ host: 'host-a' })).toEqual({
    inbox: inboxFolder,
    files: [],
    waiting: 0,
    more: false,
  });
});

test('a file whose load was published but not recorded is known, and is moved', async () => {
  writeFileSync(join(inboxFolder, 'transactions-1.csv'), rows('t5'));
  const { files } = await look({ host: 'host-a' });
  expect(files).toMatchObject([
    { outcome: 'duplicate', movedTo: join(inboxFolder, 'done', 'transactions-1.1.csv') },
  ]);
});

test('the coordinator is told of a file that can not be moved away', async () => {
  const [done, aside] = [join(inboxFolder, 'done'), join(folder, 'done')];
  renameSync(done, aside);
  symlinkSync(aside, done);
  try {
    writeFileSync(join(inboxFolder, 'transactions-6.csv'), rows('t6'));
    const { files } = await look({ host: 'host-a' });
    expect(files).toMatchObject([{ outcome: 'kept', reason: expect.stringMatching(/^INBOX_UNUSABLE: /) }]);
    await waitFor(
      async () =>
        (
          await queryRows(
            database.url,
            "select transaction_id from gold.fct_transactions where transaction_id = 't6'",
          )
        ).length === 1,
      { timeoutMs: 45_000 },
    );
  } finally {
    unlinkSync(done);
    renameSync(aside, done);
  }
  // As the next look finds it.
  expect((await look({ host: 'host-a' })).files).toMatchObject([
    { outcome: 'duplicate', movedTo: join(done, 'transactions-6.csv') },
  ]);
});

test('a prefix in S3 is an inbox as well', async () => {
  await s3.put('in/transactions-9.csv', rows('t9'));
  const { files, inbox } = await look({ host: 'host-b' });
  expect(inbox).toBe('s3://drop/in');
  expect(files).toMatchObject([
    { outcome: 'published', rowsLoaded: 1, movedTo: 's3://drop/in/done/transactions-9.csv' },
  ]);
  expect(await s3.keys()).toEqual(['in/done/transactions-9.csv', 'in/done/transactions-9.csv.report.json']);
});

test('a file is loaded by the host that is named, and by no other', async () => {
  const file = join(elsewhere, 'f.csv');
  writeFileSync(file, rows('t20'));
  const input = { dataset: 'transactions', file, transform: false };
  expect(await failureOf(ingest({ ...input, host: 'host-a' }))).toMatchObject({ type: 'FILE_NOT_ALLOWED' });
  for (let n = 0; n < 3; n += 1) {
    writeFileSync(file, rows(`t${21 + n}`));
    expect(await ingest({ ...input, host: 'host-b' })).toMatchObject({ outcome: 'published' });
  }
});

test('a host that nobody serves is told of, in the ledger at once, and after a while as an error', async () => {
  const failing = ingest({
    dataset: 'transactions',
    file: '/data/gone.csv',
    host: 'host-z',
    hostWaitMs: 1_000,
  }).catch((error: unknown) => error as Error);
  await waitFor(async () => {
    const waiting = await queryRows(
      database.url,
      "select from ops.batch where host = 'host-z' and state = 'accepted'",
    );
    return waiting.length === 1;
  });
  expect(await failureOf(failing.then((error) => Promise.reject(error as Error)))).toMatchObject({
    type: 'HOST_ABSENT',
    message: expect.stringContaining('host-z') as string,
  });
});

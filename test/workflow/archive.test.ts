import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { pruneArchives } from '../../src/archive';
import { loadConfig } from '../../src/config';
import { createS3Access } from '../../src/ingest';
import type { ArchivePartitionsResult } from '../../src/wire/archive';
import { WORKFLOW } from '../../src/wire/names';
import type { TransformInput, TransformResult } from '../../src/wire/transform';
import { type IngestWarehouse, startIngestWarehouse } from '../integration/ingest/warehouse';
import { type S3Server, startS3Server } from '../support/s3-server';
import { type ServedWarehouse, serveWarehouse } from '../support/served-warehouse';
import { waitFor } from '../support/wait-for';
import { failureOf } from './workflow-worker';

const CUSTOMERS = 'customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at\n';
const TRANSACTIONS = 'transaction_id,customer_id,transaction_date,amount,transaction_type,status\n';
const MARTS = ['mart_revenue_monthly', 'mart_revenue_daily', 'mart_mrr_monthly', 'mart_kpis_monthly'];

const config = { ...loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' }), s3PathStyle: true };
const warehouse = `archive-${randomUUID()}`;
const before = { ...process.env };
let s3: S3Server;
let store: IngestWarehouse;
let served: ServedWarehouse;
let client: Client;

beforeAll(async () => {
  s3 = await startS3Server('cold');
  Object.assign(process.env, s3.env);
  store = await startIngestWarehouse();
  served = await serveWarehouse({
    config: { ...config, archive: 's3://cold/facts' },
    databaseUrl: store.url,
    warehouse,
  });
  ({ client } = served);
});
afterAll(async () => {
  await served.stop();
  await store.stop();
  process.env = before;
  await s3.stop();
});

const execute = <T>(type: string, input: unknown): Promise<T> =>
  client.workflow.execute(type, {
    workflowId: `${warehouse}/${type}/${randomUUID()}`,
    taskQueue: warehouse,
    args: [input],
  });
const transform = async (input: TransformInput = {}): Promise<void> => {
  const result = await execute<TransformResult>(WORKFLOW.transform, { ...input, retries: 0 });
  expect(result).toMatchObject({ state: 'success' });
};
/** Every relation is equal, or it fails. */
const verify = async (): Promise<void> => {
  expect(await execute<TransformResult>(WORKFLOW.verify, { retries: 0 })).toMatchObject({ state: 'success' });
};
const archive = (before = '2024-03'): Promise<ArchivePartitionsResult> =>
  execute(WORKFLOW.archivePartitions, { model: 'fct_transactions', before });
const marts = async (): Promise<unknown> => {
  const contents = [];
  for (const mart of MARTS)
    contents.push(await store.rows(`select t::text from platinum.${mart} as t order by 1`));
  return contents;
};
const live = async (): Promise<unknown> =>
  (
    await store.rows(
      "select array_agg(to_char(transaction_date at time zone 'UTC', 'MM') || transaction_id || segment order by transaction_id) as facts from gold.fct_transactions",
    )
  )[0];
const states = async (): Promise<unknown> =>
  (await store.rows('select array_agg(state order by archive_id) as states from ops.partition_archive'))[0];

test('months of Echo go to S3 and come back for what is late, corrected, or of a customer whose past changes', async () => {
  await store.ingest('customers', `${CUSTOMERS}C1,Ann,a@x.io,starter,basic,search,2024-01-01,2024-01-01\n`);
  await store.ingest(
    'transactions',
    `${TRANSACTIONS}T1,C1,2024-01-05,29.00,subscription,completed\nT2,C1,2024-02-05,29.00,subscription,completed\nT3,C1,2024-03-05,29.00,subscription,completed\n`,
  );
  await transform();
  const before = await marts();
  expect(await archive()).toMatchObject({
    partitions: [
      { relation: 'gold.fct_transactions', partition: 'fct_transactions_2024_01', state: 'archived' },
      { relation: 'gold.fct_transactions', partition: 'fct_transactions_2024_02', state: 'archived' },
    ],
    more: false,
  });
  expect(await archive()).toEqual({ partitions: [], more: false });
  expect(await s3.keys('facts/')).toHaveLength(4);
  expect(await live()).toEqual({ facts: ['03T3starter'] });
  await verify();
  expect([await marts(), await states()]).toEqual([before, { states: ['archived', 'archived'] }]);

  // The customer was another one from the middle of January on: T2 is restated, and its month alone comes back.
  await store.ingest('customers', `${CUSTOMERS}C1,Ann,a@x.io,growth,pro,search,2024-01-01,2024-01-20\n`);
  await transform();
  expect(await live()).toEqual({ facts: ['02T2growth', '03T3growth'] });
  await store.ingest('transactions', `${TRANSACTIONS}T1,C1,2024-04-04,30.00,subscription,completed\n`);
  await transform();
  expect(await live()).toEqual({ facts: ['04T1growth', '02T2growth', '03T3growth'] });
  const after = await marts();
  expect((await archive()).partitions).toHaveLength(2);
  // Two months that were archived twice: of each the older file counts no more.
  expect(await s3.keys('facts/')).toHaveLength(8);
  const s3Access = createS3Access({ pathStyle: true });
  const relation = { schema: 'gold', name: 'fct_transactions' };
  const { signal } = new AbortController();
  expect(await pruneArchives({ pool: store.pool, s3: s3Access }, { relation, signal })).toHaveLength(2);
  expect(await s3.keys('facts/')).toHaveLength(4);
  await verify();
  await transform({ fullRefresh: true });
  expect(await marts()).toEqual(after);
});

test('a month that no file can hold stays, the others are archived, and the failure says both', async () => {
  await store.rows(`update gold.fct_transactions set amount = 'NaN' where transaction_id = 'T2'`);
  const failure = await failureOf(archive('2024-04'));
  expect(failure).toMatchObject({
    type: 'ARCHIVE_INCOMPLETE',
    message: expect.stringContaining('fct_transactions_2024_02: NaN or an infinite time in amount') as string,
  });
  const { partitions } = failure.details?.[0] as ArchivePartitionsResult;
  expect(partitions.map((p) => [p.partition, p.state])).toEqual([
    ['fct_transactions_2024_01', 'archived'],
    ['fct_transactions_2024_02', 'refused'],
    ['fct_transactions_2024_03', 'archived'],
  ]);
  expect(await live()).toEqual({ facts: ['04T1growth', '02T2growth'] });
  const failed =
    "select state from ops.incident where subject = 'workflow archivePartitions' and kind = 'failure'";
  expect(await waitFor(async () => (await store.rows(failed))[0])).toMatchObject({ state: 'firing' });

  await store.rows(`update gold.fct_transactions set amount = 29 where transaction_id = 'T2'`);
  expect((await archive('2024-04')).partitions.map((p) => p.partition)).toEqual(['fct_transactions_2024_02']);
  await waitFor(async () => (await store.rows(failed))[0]?.['state'] === 'resolved');
});

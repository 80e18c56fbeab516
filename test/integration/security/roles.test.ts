import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { DatabasePool } from 'slonik';
import { migrate } from '../../../src/db/migrate';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { actingAs, ensureRoles, openToReaders, usableRoles } from '../../../src/db/roles';
import { sqlStateOf } from '../../../src/db/sqlstate';
import { acceptBatch, loadFile, publishBatch } from '../../../src/ingest';
import { loadDatasets } from '../../../src/project/load-datasets';
import { adminUrl, createTestDatabase, runStatements, urlOfDatabase } from '../../support/database';
import { compileEcho } from '../../support/compile-echo';
import { TestWarehouse } from '../../support/test-warehouse';
import { transactionLine, transactionsFile, writeTemporary } from '../../unit/ingest/csv-files';

const unique = randomUUID().replaceAll('-', '').slice(0, 12);
const prefix = `r${unique}`;
const login = `${prefix}_app`;
const database = `roles_${unique}`;
const roles = ['loader', 'transformer', 'reader'].map((part) => `${prefix}_${part}`);

/** The address with another user. */
const asUser = (url: string, user: string): string => {
  const address = new URL(url);
  address.username = user;
  address.password = 'planted';
  return address.toString();
};

/** No superuser: the owner of the database, who may make roles. */
const url = asUser(urlOfDatabase(adminUrl(), database), login);
const pools: DatabasePool[] = [];
const open = async (address: string): Promise<DatabasePool> => {
  const pool = await createWarehousePool(address);
  pools.push(pool);
  return pool;
};

let owner: DatabasePool;
let loader: DatabasePool;
let transformer: DatabasePool;
let reader: DatabasePool;

const ingest = async (pool: DatabasePool, databaseUrl: string, ...lines: string[]): Promise<string> => {
  const datasets = await loadDatasets(resolve(__dirname, '..', '..', '..', 'sql'));
  const dataset = datasets.find(({ name }) => name === 'transactions');
  if (!dataset) throw new Error('no dataset');
  const file = writeTemporary('f.csv', transactionsFile(...lines));
  const { batchId } = await acceptBatch(
    { pool },
    { dataset: dataset.name, file, workflowId: randomUUID(), workflowRunId: randomUUID() },
  );
  await loadFile(
    { pool, databaseUrl, dataset, maxFieldBytes: 1000 },
    { batchId, signal: new AbortController().signal, onProgress: () => undefined },
  );
  return (await publishBatch({ pool, dataset }, { batchId })).outcome;
};

beforeAll(async () => {
  await runStatements(adminUrl(), [
    `create role ${login} login createrole password 'planted'`,
    `create database ${database} owner ${login} template template0`,
  ]);
  owner = await open(url);
  await migrate(owner);
  // A warehouse from before the roles.
  const manifest = await compileEcho();
  const warehouse = await TestWarehouse.open(owner, manifest);
  await ingest(owner, url, transactionLine(1), transactionLine(2, 'x'));
  await warehouse.run();
  expect(await ensureRoles(owner, prefix)).toBe(true);
  loader = await open(actingAs(url, `${prefix}_loader`));
  transformer = await open(actingAs(url, `${prefix}_transformer`));
  await runStatements(urlOfDatabase(adminUrl(), database), [
    `alter role ${prefix}_reader login password 'planted'`,
  ]);
  reader = await open(asUser(url, `${prefix}_reader`));
});

afterAll(async () => {
  for (const pool of pools) await pool.end();
  await runStatements(adminUrl(), [
    `drop database if exists ${database} with (force)`,
    `drop role if exists ${[...roles, login].join(', ')}`,
  ]);
});

const refusal = async (pool: DatabasePool, statement: string): Promise<string> =>
  pool.query(rawSql(statement)).then(
    () => 'done',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );

test('each part does its work as its role, on a warehouse that the login role made before', async () => {
  expect(await ingest(loader, actingAs(url, `${prefix}_loader`), transactionLine(3))).toBe('published');
  const warehouse = await TestWarehouse.open(transformer, await compileEcho());
  const states = async (fullRefresh: boolean): Promise<string[]> =>
    (await warehouse.run({ fullRefresh })).map(({ state }) => state);
  for (const fullRefresh of [false, true])
    expect(new Set(await states(fullRefresh))).toEqual(new Set(['success']));
  const { rows } = await reader.query(
    rawSql(`select
      (select count(*)::int from gold.fct_transactions) as facts,
      (select count(*)::int from bronze.transactions) as loaded,
      (select count(*)::int from platinum.mart_revenue_monthly) as months,
      (select count(*)::int from ops.model_run where state = 'success') > 0 as has_runs`),
  );
  expect(rows).toEqual([{ facts: 2, loaded: 2, months: 1, has_runs: true }]);
});

test.each([
  ['the reader', 'writes', () => reader, 'delete from gold.fct_transactions'],
  ['the reader', 'makes tables', () => reader, 'create table gold.mine (a int)'],
  ['the reader', 'sees dead letters', () => reader, 'select * from ops.dead_letter_queue'],
  ['the reader', 'sees dead letters, at their source', () => reader, 'select * from ops.dead_letter'],
  ['the reader', 'sees unpublished rows', () => reader, 'select * from strata_bronze.transactions'],
  ['the reader', 'sees feeds', () => reader, 'select * from strata_feed.x'],
  ['the loader', 'sees gold', () => loader, 'select * from gold.fct_transactions'],
  ['the loader', 'changes gold', () => loader, 'drop table gold.fct_transactions'],
  ['the loader', 'changes runs', () => loader, 'delete from ops.model_run'],
  ['the loader', 'makes schemas', () => loader, 'create schema mine'],
  ['the transformer', 'writes the ledger', () => transformer, `update ops.batch set state = 'failed'`],
  ['the transformer', 'publishes', () => transformer, 'update ops.load set position = 9'],
  ['the transformer', 'changes bronze', () => transformer, 'delete from strata_bronze.transactions'],
  ['the transformer', 'sees dead letters', () => transformer, 'select * from ops.dead_letter'],
  ['the transformer', 'makes roles', () => transformer, 'create role mine'],
  ['the transformer', 'forges migrations', () => transformer, 'delete from ops.migration'],
] as const)('%s is refused when it %s', async (_who, _what, pool, statement) => {
  expect(await refusal(pool(), statement)).toBe('42501');
});

test('what models make later, in new schemas too, is open to the reader, whoever makes it', async () => {
  for (const [schema, pool] of [
    ['new_by_transformer', transformer],
    ['new_by_login', owner],
  ] as const) {
    await pool.query(rawSql(`create schema ${schema}`));
    await openToReaders(pool, schema);
    await pool.query(rawSql(`create table ${schema}.t as select 1 as a`));
    expect((await reader.query(rawSql(`select a from ${schema}.t`))).rows).toEqual([{ a: 1 }]);
  }
});

test('several databases of a cluster make the roles at once, again and again', async () => {
  const others = await Promise.all([1, 2, 3].map(() => createTestDatabase({ template: 'migrated' })));
  const shared = `s${unique}`;
  try {
    const opened = await Promise.all(others.flatMap((other) => [open(other.url), open(other.url)]));
    const made = await Promise.all(opened.map((pool) => ensureRoles(pool, shared)));
    expect(made).toEqual(opened.map(() => true));
    expect([...(await usableRoles(opened[0] as DatabasePool)).keys()].sort()).toEqual([
      'loader',
      'reader',
      'transformer',
    ]);
  } finally {
    for (const other of others) await other.drop();
    const names = ['loader', 'transformer', 'reader'].map((part) => `${shared}_${part}`);
    await runStatements(adminUrl(), [`drop role if exists ${names.join(', ')}`]);
  }
});

test('who may not make roles is told so, and nothing is half done', async () => {
  await runStatements(adminUrl(), [`alter role ${login} nocreaterole`]);
  expect(await ensureRoles(owner, `${prefix}x`)).toBe(false);
  expect([...(await usableRoles(owner)).values()].sort()).toEqual([...roles].sort());
});

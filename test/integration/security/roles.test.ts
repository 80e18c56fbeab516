import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { DatabasePool } from 'slonik';
import { SHADOW_PREFIX } from '../../../src/compiler/shadow';
import { CopySession } from '../../../src/db/copy';
import { migrate } from '../../../src/db/migrate';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { actingAs } from '../../../src/db/acting-role';
import { openToReaders } from '../../../src/db/open-to-roles';
import { rolePrefixOf } from '../../../src/db/role-prefix';
import { ensureRoles, rolesScript } from '../../../src/db/roles';
import { sqlStateOf } from '../../../src/db/sqlstate';
import { sweepShadows } from '../../../src/db/sweep-shadows';
import { acceptBatch, loadFile, publishBatch } from '../../../src/ingest';
import { loadDatasets } from '../../../src/project/load-datasets';
import {
  adminUrl,
  createTestDatabase,
  rolesOfDatabase,
  runStatements,
  urlOfDatabase,
} from '../../support/database';
import { compileEcho } from '../../support/compile-echo';
import { compileTexts } from '../../support/compile-project-text';
import { TestWarehouse } from '../../support/test-warehouse';
import { transactionLine, transactionsFile, writeTemporary } from '../../unit/ingest/csv-files';

const unique = randomUUID().replaceAll('-', '').slice(0, 12);
const database = `roles_${unique}`;
const prefix = rolePrefixOf(database);
const login = `${prefix}_app`;
const roles = rolesOfDatabase(database);
const AUTO = { setRoles: 'auto' } as const;
const ON = { setRoles: 'on' } as const;

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
  expect([...(await ensureRoles(owner, AUTO)).values()].sort()).toEqual([...roles].sort());
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
  const warehouse = await TestWarehouse.open(transformer, await compileEcho(), loader);
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

test('what a role that acts has asked for, and takes long, is no lost connection', async () => {
  const acting = actingAs(url, `${prefix}_transformer`);
  const slow = 'select 1 as n from pg_sleep(1)';
  const pool = await createWarehousePool(acting, { maximumPoolSize: 1, lookEveryMs: 50 });
  pools.push(pool);
  expect((await pool.query(rawSql(slow))).rows).toEqual([{ n: 1 }]);
  const session = await CopySession.open(acting, { name: 'strata load slow', lookEveryMs: 50 });
  try {
    expect(await session.query(slow)).toEqual([{ n: 1 }]);
    expect(await session.query('select current_user::text as name')).toEqual([
      { name: `${prefix}_transformer` },
    ]);
  } finally {
    await session.close();
  }
});

test.each([
  ['the reader', 'writes', () => reader, 'delete from gold.fct_transactions'],
  ['the reader', 'makes tables', () => reader, 'create table gold.mine (a int)'],
  ['the reader', 'sees dead letters', () => reader, 'select record from ops.dead_letter_queue'],
  ['the reader', 'changes what there is to tell', () => reader, 'delete from ops.incident'],
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

const script = 'select role_name, version from ops.access_role order by role_name';

test('what is in place is found by one query, and given again after a migration', async () => {
  const { rows: before } = await owner.query(rawSql(script));
  await owner.query(rawSql(`create table ops.made_later as select 1 as a`));
  await owner.query(rawSql(`update ops.access_role set version = 'older'`));
  expect(await refusal(transformer, 'select * from ops.made_later')).toBe('42501');
  await Promise.all([1, 2, 3].map(() => ensureRoles(owner, ON)));
  expect(await refusal(transformer, 'select * from ops.made_later')).toBe('done');
  expect((await owner.query(rawSql(script))).rows).toEqual(before);
  await owner.query(rawSql('drop table ops.made_later'));
});

test('what a worker without roles makes meanwhile is taken over, views of others over it included', async () => {
  const manifest = await compileEcho();
  const analyst = `${prefix}_analyst`;
  await ingest(owner, url, transactionLine(4));
  // As if it had built all of them anew.
  const handBack = `do $$ declare item regclass; begin
    for item in select oid from pg_class where relkind in ('r', 'p', 'v')
      and relnamespace::regnamespace::text in ('silver', 'gold', 'platinum', 'strata_feed', 'strata_keys', 'strata_bronze', 'bronze')
    loop execute format('alter table %s owner to ${login}', item); end loop;
  end $$`;
  await runStatements(urlOfDatabase(adminUrl(), database), [
    handBack,
    `create role ${analyst}`,
    `grant ${analyst} to ${login}`,
    'create schema analysis',
    `create view analysis.facts as select * from gold.fct_transactions`,
    `alter view analysis.facts owner to ${analyst}`,
    `grant usage, create on schema analysis to ${analyst}, ${login}`,
    `grant usage on schema gold to ${analyst}`,
    `grant select on gold.fct_transactions to ${analyst}`,
    `grant select on analysis.facts to ${prefix}_reader`,
    `grant usage on schema analysis to ${prefix}_reader`,
  ]);
  try {
    const owners = `select distinct pg_get_userbyid(c.relowner) as owner from pg_class as c
      where c.relkind in ('r', 'p', 'v')
        and c.relnamespace::regnamespace::text in ('silver', 'gold', 'platinum', 'strata_feed', 'strata_keys')`;
    expect((await owner.query(rawSql(owners))).rows).toEqual([{ owner: login }]);
    const acting = await TestWarehouse.open(transformer, manifest, loader);
    expect(new Set((await acting.run()).map(({ state }) => state))).toEqual(new Set(['success']));
    expect((await owner.query(rawSql(owners))).rows).toEqual([{ owner: `${prefix}_transformer` }]);
    // A swap, since the view's relation is another one now.
    await owner.query(rawSql('alter table gold.fct_transactions add column made_by_hand int'));
    const oid = `select 'gold.fct_transactions'::regclass::oid::text as oid`;
    const { rows: before } = await owner.query(rawSql(oid));
    const again = await acting.run({ fullRefresh: true });
    expect((await owner.query(rawSql(oid))).rows).not.toEqual(before);
    expect(new Set(again.map(({ state }) => state))).toEqual(new Set(['success']));
    const { rows } = await reader.query(
      rawSql(`select count(*)::int as facts, (select viewowner from pg_views where viewname = 'facts') as viewowner
        from analysis.facts`),
    );
    expect(rows).toEqual([{ facts: 3, viewowner: analyst }]);
    expect(await ingest(loader, actingAs(url, `${prefix}_loader`), transactionLine(5))).toBe('published');
  } finally {
    await runStatements(urlOfDatabase(adminUrl(), database), [
      `drop owned by ${analyst} cascade`,
      `drop role ${analyst}`,
    ]);
  }
});

test('the transformer reads what sources name, models in schemas of others, and drops their shadows', async () => {
  await owner.query(rawSql('create schema crm'));
  await owner.query(rawSql('create table crm."Accounts" as select 7 as a'));
  await owner.query(rawSql('create table crm.other as select 7 as a'));
  await owner.query(rawSql(`create schema ${SHADOW_PREFIX}left create table t (a int)`));
  const manifest = compileTexts({
    'models/sources.yml':
      'version: 2\nsources: [{name: crm, schema: crm, tables: [{name: accounts, identifier: Accounts}, {name: gone}]}]',
    'models/a.sql': `{{ config(materialized='table', schema='crm') }} select a from {{ source('crm', 'accounts') }}`,
  });
  expect(await refusal(transformer, 'select a from crm."Accounts"')).toBe('42501');
  const warehouse = await TestWarehouse.open(transformer, manifest, loader);
  expect((await warehouse.run()).map(({ state, message }) => message ?? state)).toEqual(['success']);
  expect((await reader.query(rawSql('select a from crm.a'))).rows).toEqual([{ a: 7 }]);
  expect(await refusal(transformer, 'select a from crm.other')).toBe('42501');
  await sweepShadows(transformer, () => Promise.resolve(false));
  expect(await refusal(owner, `create schema ${SHADOW_PREFIX}left`)).toBe('done');
});

test('databases of a cluster make roles of their own at once, and neither can touch the other', async () => {
  const others = await Promise.all([1, 2].map(() => createTestDatabase({ template: 'migrated' })));
  try {
    const opened = await Promise.all(others.flatMap((other) => [open(other.url), open(other.url)]));
    const made = await Promise.all(opened.map((pool) => ensureRoles(pool, ON)));
    expect(made.map((found) => [...found.values()].sort())).toEqual(
      others.flatMap(({ name }) => [rolesOfDatabase(name).sort(), rolesOfDatabase(name).sort()]),
    );
    const [first, second] = others as [(typeof others)[0], (typeof others)[0]];
    const stranger = await open(actingAs(second.url, `${rolePrefixOf(first.name)}_transformer`));
    expect(await refusal(stranger, 'select * from ops.run')).toBe('42501');
    expect(await refusal(stranger, 'create schema mine')).toBe('42501');
    await stranger.end();
  } finally {
    for (const other of others) await other.drop();
  }
});

test('databases may share roles of one name', async () => {
  const others = await Promise.all([1, 2].map(() => createTestDatabase({ template: 'migrated' })));
  const shared = { setRoles: 'on', rolePrefix: `s${unique}` } as const;
  try {
    const opened = await Promise.all(others.flatMap((other) => [open(other.url), open(other.url)]));
    const made = await Promise.all(opened.map((pool) => ensureRoles(pool, shared)));
    expect(new Set(made.flatMap((found) => [...found.values()]))).toEqual(
      new Set(['loader', 'transformer', 'reader'].map((part) => `s${unique}_${part}`)),
    );
    // Once made, the name needn't be given.
    expect(await ensureRoles(opened[0] as DatabasePool, ON)).toEqual(made[0]);
  } finally {
    for (const other of others) await other.drop();
    const names = ['loader', 'transformer', 'reader'].map((part) => `s${unique}_${part}`);
    await runStatements(adminUrl(), [`drop role if exists ${names.join(', ')}`]);
  }
});

test('who may not make roles works without, and with them once an administrator has run what is printed', async () => {
  const name = `plain_${unique}`;
  const user = `${rolePrefixOf(name)}_app`;
  const address = asUser(urlOfDatabase(adminUrl(), name), user);
  await runStatements(adminUrl(), [
    `create role ${user} login password 'planted'`,
    `create database ${name} owner ${user} template template0`,
  ]);
  try {
    const plain = await open(address);
    await migrate(plain);
    await ingest(plain, address, transactionLine(1));
    expect((await ensureRoles(plain, AUTO)).size).toBe(0);
    await expect(ensureRoles(plain, ON)).rejects.toMatchObject({ code: 'ROLES_UNAVAILABLE' });
    expect((await plain.query(rawSql(script))).rows).toEqual([]);
    const printed = await rolesScript(plain);
    await runStatements(urlOfDatabase(adminUrl(), name), [`${printed.trim()};`]);
    const found = await ensureRoles(plain, ON);
    expect([...found.values()].sort()).toEqual(rolesOfDatabase(name).sort());
    const part = (role: string): string => actingAs(address, `${rolePrefixOf(name)}_${role}`);
    const [asLoader, asTransformer] = [await open(part('loader')), await open(part('transformer'))];
    expect(await ingest(asLoader, part('loader'), transactionLine(2))).toBe('published');
    const acting = await TestWarehouse.open(asTransformer, await compileEcho(), asLoader);
    expect(new Set((await acting.run()).map(({ state }) => state))).toEqual(new Set(['success']));
    // After a migration the owner of the tables gives the roles what they need by itself.
    await plain.query(rawSql(`update ops.access_role set version = 'older'`));
    expect(await ensureRoles(plain, ON)).toEqual(found);
  } finally {
    for (const pool of pools.splice(4)) await pool.end();
    await runStatements(adminUrl(), [
      `drop database if exists ${name} with (force)`,
      `drop role if exists ${[...rolesOfDatabase(name), user].join(', ')}`,
    ]);
  }
});

test('whether to use roles is up to the setting', async () => {
  expect((await ensureRoles(owner, { setRoles: 'off' })).size).toBe(0);
});

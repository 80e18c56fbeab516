import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { sql } from '../../../src/db/sql';
import { createTestDatabase, openSession, type Session, type TestDatabase } from '../../support/database';
import { compileShop } from '../../support/small-project';
import { TestWarehouse } from '../../support/test-warehouse';
import { waitFor } from '../../support/wait-for';

/**
 * A worker that was frozen (a paused machine, a SIGSTOP) past its time-out, and wakes up at any moment of its work,
 * without Temporal: what it would send to the database is sent here. With real processes: test/e2e/frozen-workers.test.ts.
 */

const NODE = 'model.shop.m';
/** Stops where the test says, and goes on where the test says. */
const MODEL = `{{ config(materialized='incremental', unique_key='id') }}
select id, n, pg_advisory_xact_lock_shared(4711)::text as waited from {{ source('app', 'things') }}`;

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;
let gate: Session;

beforeEach(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 6 });
  await pool.query(rawSql('create table things (id text, n integer)'));
  await pool.query(rawSql("insert into things values ('a', 1)"));
  warehouse = await TestWarehouse.open(pool, compileShop({ m: MODEL }));
  gate = await openSession(database.url);
});
afterEach(async () => {
  await gate.close();
  await pool.end();
  await database.drop();
});

const rows = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

const closeGate = (): Promise<unknown> => gate.query('select pg_advisory_lock(4711)');
const openGate = (): Promise<unknown> => gate.query('select pg_advisory_unlock(4711)');

const hangs = (count = 1): Promise<unknown> =>
  waitFor(
    async () =>
      (
        await rows(`select from pg_stat_activity where application_name like 'strata node %'
        and datname = current_database() and wait_event_type = 'Lock'`)
      ).length === count,
    { what: `${count} attempts to hang` },
  );

const deliver = (runId: string, number: number, attempt = 1) =>
  warehouse.runNode(runId, NODE, { attempt, delivery: { execution: runId, number } });

/** How an attempt ended. */
const outcome = (work: Promise<{ state: string }>): Promise<string> =>
  work.then(
    (result) => result.state,
    (error: unknown) => (error as Error).name + ': ' + (error as Error).message,
  );

/** Other tests use the server too; and a session that was ended is there for a moment more. */
const nothingLeft = async (): Promise<void> => {
  const left = `select from pg_stat_activity as s
    where datname = current_database() and pid <> pg_backend_pid() and (application_name like 'strata node %'
      or exists (select from pg_locks as l where l.pid = s.pid and l.locktype = 'advisory'))`;
  await waitFor(async () => (await rows(left)).length === 0, { what: 'sessions and locks to be gone' });
  expect(await rows("select from pg_namespace where nspname like 'strata_build%'")).toEqual([]);
};

test('one that wakes before it began finds what was done, though a later run has gone on', async () => {
  const { runId } = await warehouse.plan();
  const [first] = [await deliver(runId, 2)];
  await warehouse.finish(runId, [first]);
  await pool.query(rawSql("insert into things values ('b', 2)"));
  await warehouse.run();
  const before = await rows('select * from ops.relation');
  // Its own delivery is the first: it is told so.
  expect(await outcome(deliver(runId, 1))).toMatch(/was superseded/);
  expect((await deliver(runId, 2)).rows).toEqual(first.rows);
  expect(await rows('select * from ops.relation')).toEqual(before);
  await nothingLeft();
});

test('one that wakes before it began, after its run was closed as failed, commits nothing', async () => {
  const { runId } = await warehouse.plan();
  await warehouse.finish(runId, [], 'failed');
  expect(await outcome(deliver(runId, 1))).toMatch(/was superseded/);
  expect(await rows("select to_regclass('shop.m')::text as m")).toEqual([{ m: null }]);
  await nothingLeft();
});

test('one that wakes while a later delivery works does not end it', async () => {
  const { runId } = await warehouse.plan();
  await closeGate();
  const later = deliver(runId, 2);
  await hangs();
  expect(await outcome(deliver(runId, 1))).toMatch(/was superseded/);
  await openGate();
  expect(await later).toMatchObject({ state: 'success', rows: { inserted: 1 } });
  await nothingLeft();
});

test('one in the middle of its model is ended by a later delivery, and by a later try of the workflow', async () => {
  const { runId } = await warehouse.plan();
  await closeGate();
  const frozen = outcome(deliver(runId, 3));
  await hangs();
  const second = outcome(deliver(runId, 4));
  expect(await frozen).not.toBe('success');
  await hangs();
  const third = deliver(runId, 1, 2);
  expect(await second).not.toBe('success');
  await openGate();
  expect(await third).toMatchObject({ state: 'success', rows: { inserted: 1 } });
  expect(await rows('select version from ops.relation')).toEqual([{ version: '1' }]);
  await nothingLeft();
});

test('one that was told to stop, and slept on between its model and its commit, is refused by the record alone', async () => {
  const { runId } = await warehouse.plan();
  await closeGate();
  const frozen = outcome(deliver(runId, 1));
  await hangs();
  // A later delivery has entered itself, but may not end the other's session.
  await pool.query(rawSql('update ops.node_attempt set delivery = 2'));
  await openGate();
  expect(await frozen).not.toBe('success');
  expect(await rows("select to_regclass('shop.m')::text as m")).toEqual([{ m: null }]);
  expect(await deliver(runId, 2)).toMatchObject({ state: 'success' });
  await nothingLeft();
});

test('closing a run ends what still works at it, so that the next run need not wait', async () => {
  const { runId } = await warehouse.plan();
  await closeGate();
  const frozen = outcome(deliver(runId, 1));
  await hangs();
  await warehouse.finish(runId, [], 'failed');
  expect(await frozen).not.toBe('success');
  await openGate();
  expect(await warehouse.run()).toMatchObject([{ state: 'success', rows: { inserted: 1 } }]);
  await nothingLeft();
});

test('a workflow that was reset may go on with a run that it had closed', async () => {
  const { runId } = await warehouse.plan();
  await warehouse.finish(runId, [], 'failed');
  const reset = { attempt: 1, delivery: { execution: 'another', number: 1 } };
  expect(await warehouse.runNode(runId, NODE, reset)).toMatchObject({ state: 'success' });
});

test('a failing node leaves no name and no lock on its connection', async () => {
  const { runId } = await warehouse.plan();
  await pool.query(rawSql("insert into things values ('a', 2)"));
  await expect(deliver(runId, 1)).rejects.toMatchObject({ code: 'KEY_DUPLICATE' });
  await nothingLeft();
});

test('the server itself ends a session that stands still within a transaction, or while it holds a node', async () => {
  const timeout = (name: string) =>
    pool.oneFirst(sql.type(z.object({ value: z.string() }))`select current_setting(${name}) as value`);
  expect(await timeout('idle_in_transaction_session_timeout')).toBe('1min');
  const seen = compileShop({
    m: `{{ config(materialized='table') }} select current_setting('idle_session_timeout') as idle`,
  });
  await (await TestWarehouse.open(pool, seen)).run();
  expect(await rows('select idle from shop.m')).toEqual([{ idle: '1min' }]);
  expect(await timeout('idle_session_timeout')).toBe('0');
});

import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { sql } from '../../../src/db/sql';
import { createTestDatabase, openSession, type Session, type TestDatabase } from '../../support/database';
import { customer, transaction } from '../../support/echo-rows';
import { emptyWarehouse } from '../../support/empty-warehouse';
import { type Accepted, referenceTables } from '../../support/reference';
import { compileEcho } from '../../support/compile-echo';
import { Shop } from '../../support/shop';
import { TestWarehouse } from '../../support/test-warehouse';
import { waitFor } from '../../support/wait-for';

/** Holes 5, 6 and 7: each as the usual stack has it, and as strata does. */

const CUSTOMERS = ['a', 'b', 'c'].flatMap((id) =>
  ['2024-01-01', '2024-02-01'].map((time, i) => customer(id, time, { plan_type: i === 0 ? 'free' : 'pro' })),
);
const TRANSACTIONS = Array.from({ length: 30 }, (_, i) =>
  transaction(`t${i}`, ['a', 'b', 'c'][i % 3] ?? 'a', `2024-0${(i % 4) + 1}-1${i % 10}`),
);

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;
const sessions: Session[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 20 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
});
beforeEach(() => emptyWarehouse(pool));
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const session = async (): Promise<Session> => {
  const opened = await openSession(database.url);
  sessions.push(opened);
  return opened;
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

const accepted: Accepted = {
  customers: CUSTOMERS.map((row, i) => ({ ...row, batchId: 1, rowNumber: i + 1 })),
  transactions: TRANSACTIONS.map((row, i) => ({ ...row, batchId: 2, rowNumber: i + 1 })),
  marketing_spend: [],
};

const load = async (): Promise<void> => {
  await warehouse.loadAndPublish('customers', 1, CUSTOMERS);
  await warehouse.loadAndPublish('transactions', 2, TRANSACTIONS);
};

const waitingForLock = sql.typeAlias(
  'void',
)`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;

// dbt-core#10858, SQLMesh#3866, SQLMesh#2896.
describe('hole 5: two runs at once corrupt a merge', () => {
  test('as the usual stack has it: both find the key missing, both insert it', async () => {
    const [one, two] = [await session(), await session()];
    await one.query('create table merged (id integer)');
    const merge = `insert into merged select 1 where not exists (select from merged where id = 1)`;
    for (const run of [one, two]) await run.query('begin');
    for (const run of [one, two]) await run.query(merge);
    for (const run of [one, two]) await run.query('commit');
    expect(await one.query('select id from merged')).toEqual([{ id: 1 }, { id: 1 }]);
    await one.query('drop table merged');
  });

  test('of runs at once, refreshes among them, each model is written by one at a time; the tables are right', async () => {
    await load();
    await warehouse.run();
    await Promise.all([{}, { fullRefresh: true }, {}, { fullRefresh: true }].map((t) => warehouse.run(t)));
    await warehouse.run();
    expect(await warehouse.tables()).toEqual(referenceTables(accepted));
    expect(
      await select(`select from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`),
    ).toEqual([]);
  });
});

// dlt#4023, dlt#4052, dbt-core#10800, PostHog#29207.
describe('hole 6: a retry after "committed, but the answer got lost" does the work twice', () => {
  test('as the usual stack has it', async () => {
    const run = await session();
    await run.query('create table totals (n integer)');
    await run.query('insert into totals values (0)');
    for (const attempt of [1, 2]) await run.query(`update totals set n = n + 10 -- attempt ${attempt}`);
    expect(await run.query('select n from totals')).toEqual([{ n: 20 }]);
    await run.query('drop table totals');
  });

  test('every node of a run, asked again, answers what it did, and does nothing', async () => {
    await load();
    const planned = await warehouse.plan();
    const first = await planned.run();
    const before = await select('select relation, version, updated_at from ops.relation order by relation');
    const again = [];
    for (const { nodeId } of first)
      again.push(await warehouse.runNode(planned.runId, nodeId, { attempt: 2 }));
    expect(again.map((r) => [r.nodeId, r.rows])).toEqual(first.map((r) => [r.nodeId, r.rows]));
    expect(await select('select relation, version, updated_at from ops.relation order by relation')).toEqual(
      before,
    );
    expect(await warehouse.tables()).toEqual(referenceTables(accepted));
  });

  // dbt-core#11423: a retry on another day took that day's batches, and those that had failed were never run.
  test('what a run that failed half-way has left is done by the next one, whenever that is', async () => {
    await warehouse.run();
    await load();
    const half = await warehouse.run({}, (attempt, index) =>
      index < 4 ? attempt() : Promise.resolve(undefined),
    );
    expect(new Set(half.map((r) => r.state))).toEqual(new Set(['success', 'failed', 'skipped']));
    await warehouse.run();
    expect(await warehouse.tables()).toEqual(referenceTables(accepted));
  });
});

// SQLMesh#5843.
describe('hole 7: a full refresh leaves an empty table for minutes', () => {
  test('as the usual stack has it: emptied in one transaction, filled in another', async () => {
    const run = await session();
    await run.query('create table facts as select 1 as id');
    await run.query('truncate facts');
    expect(await (await session()).query('select count(*) from facts')).toEqual([{ count: '0' }]);
    await run.query('drop table facts');
  });

  test('readers of all relations, and of views over them, see every row all the time', async () => {
    await load();
    await warehouse.run();
    const own = await session();
    await own.query('create schema mine');
    await own.query('create view mine.facts as select transaction_id, segment from gold.fct_transactions');
    await own.query('create view mine.months as select f.segment, count(*) from mine.facts as f group by 1');
    const relations = await own.query(
      "select relation from ops.relation union select unnest(array['mine.facts', 'mine.months'])",
    );
    const count = relations
      .map(({ relation }) => `(select count(*) from ${String(relation)}) as "${String(relation)}"`)
      .join(', ');
    const [expected] = await own.query(`select ${count}`);
    let refreshing = true;
    const seen: unknown[] = [];
    const readOften = async (begin: string): Promise<number> => {
      const reader = await session();
      let reads = 0;
      for (; refreshing; reads += 1) {
        await reader.query(begin);
        // Twice, so that a transaction with one snapshot looks again at what was swapped meanwhile.
        for (let look = 0; look < 2; look += 1) {
          const [row] = await reader.query(`select ${count}`);
          if (JSON.stringify(row) !== JSON.stringify(expected)) seen.push(row);
        }
        await reader.query('commit');
      }
      return reads;
    };
    const readers = ['begin', 'begin', 'begin isolation level repeatable read'].map(readOften);
    // Arrives while the refresh runs: it is in the next run.
    const late = (async () => {
      await warehouse.loadAndPublish('transactions', 3, [transaction('late', 'a', '2024-05-01')]);
    })();
    for (let refresh = 0; refresh < 3; refresh += 1) {
      const results = await warehouse.run({ fullRefresh: true, exclude: ['stg_transactions'] });
      expect(results.every((r) => r.state === 'success')).toBe(true);
    }
    refreshing = false;
    expect((await Promise.all(readers)).every((reads) => reads > 0)).toBe(true);
    expect(seen).toEqual([]);
    await late;
    await warehouse.run();
    const lateRow = { ...transaction('late', 'a', '2024-05-01'), batchId: 3, rowNumber: 1 };
    expect(await warehouse.tables()).toEqual(
      referenceTables({ ...accepted, transactions: [...accepted.transactions, lateRow] }),
    );
    await own.query('drop schema mine cascade');
  });

  test('a refresh neither waits for a long reader nor empties what its old snapshot shows', async () => {
    await load();
    await warehouse.run();
    const reader = await session();
    const counts = `select (select count(*) from gold.dim_customer) as versions,
      (select count(*) from gold.fct_transactions) as facts`;
    await reader.query('begin isolation level repeatable read');
    const [before] = await reader.query('select count(*) as versions from gold.dim_customer');
    await warehouse.loadAndPublish('transactions', 3, [transaction('later', 'a', '2024-07-01')]);
    await warehouse.run({ fullRefresh: true });
    // The facts it had not looked at yet: those of its snapshot, without the later one.
    expect(await reader.query(counts)).toEqual([{ versions: before?.['versions'], facts: '30' }]);
    await reader.query('commit');
    expect(await reader.query(counts)).toEqual([{ versions: '6', facts: '31' }]);
  });

  test('a refresh leaves rows that are the same in their place, and what others made of the relation', async () => {
    await load();
    await warehouse.run();
    await (await session()).query('create index mine on gold.dim_customer (email)');
    const places = (): Promise<readonly Record<string, unknown>[]> =>
      select(`select 'd' as r, customer_sk::text as k, xmin::text from gold.dim_customer
        union all select 'f', transaction_id, xmin::text from gold.fct_transactions
        union all select 'm', month::text || segment, xmin::text from platinum.mart_revenue_monthly order by 1, 2`);
    const before = await places();
    await warehouse.run({ fullRefresh: true });
    expect(await places()).toEqual(before);
    expect(await select("select to_regclass('gold.mine')::text as mine")).toEqual([{ mine: 'gold.mine' }]);
    expect(await warehouse.tables()).toEqual(referenceTables(accepted));
  });

  test('where a table has to be swapped, it waits for a long reader without holding up others', async () => {
    await load();
    await warehouse.run();
    const [long, other] = [await session(), await session()];
    // Made otherwise than the model has it, so that it can't be refreshed in place.
    await other.query('alter table gold.dim_customer add column extra text');
    await long.query('begin');
    await long.query('select from gold.dim_customer');
    const refresh = warehouse.run({ fullRefresh: true, select: ['dim_customer'] });
    // It asks for the lock, steps back, and asks again: others get through each time.
    for (let turn = 0; turn < 2; turn += 1) {
      await waitFor(() => pool.exists(waitingForLock), {
        what: 'the swap to ask for its lock',
        intervalMs: 5,
      });
      expect(await other.query('select count(*) from gold.dim_customer')).toEqual([{ count: '6' }]);
      await waitFor(async () => !(await pool.exists(waitingForLock)), { what: 'the swap to step back' });
    }
    await long.query('commit');
    expect((await refresh)[0]).toMatchObject({ state: 'success' });
    await expect(other.query('select extra from gold.dim_customer')).rejects.toThrow(/does not exist/);
  });
});

describe('a relation that is swapped for another one while a node waits to read it', () => {
  test('as the usual stack has it: with an older snapshot it is empty', async () => {
    const [reader, writer] = [await session(), await session()];
    await writer.query('create table swapped (id integer)');
    await writer.query('insert into swapped values (1)');
    await reader.query('begin isolation level repeatable read');
    await reader.query('select 1');
    for (const statement of [
      'drop table swapped',
      'create table swapped (id integer)',
      'insert into swapped values (1)',
    ])
      await writer.query(statement);
    expect(await reader.query('select id from swapped')).toEqual([]);
    await reader.query('rollback');
    await writer.query('drop table swapped');
  });

  test('a node sees the rows of the new one', async () => {
    const shop = await Shop.open();
    const writer = await openSession(shop.url);
    try {
      const models = {
        t: "{{ config(materialized='table') }} select id, n from {{ source('plain', 'things') }}",
        m: "{{ config(materialized='incremental', unique_key='id') }} select id, n from {{ ref('t') }}",
      };
      await shop.execute("insert into things (id, n) values ('a', 1)");
      await shop.run(models);
      await writer.query('begin');
      await writer.query('lock table shop.t');
      const run = shop.run(models, { select: ['m'] });
      await waitFor(async () => (await shop.pool.exists(waitingForLock)) === true, {
        what: 'the node to wait',
      });
      for (const statement of [
        'drop table shop.t',
        "create table shop.t as select 'a' as id, 2 as n",
        'commit',
      ])
        await writer.query(statement);
      await run;
      expect(await shop.select('select id, n from shop.m')).toEqual([{ id: 'a', n: 2 }]);
    } finally {
      await writer.close();
      await shop.close();
    }
  });
});

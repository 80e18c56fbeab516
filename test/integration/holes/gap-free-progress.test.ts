import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import type { Manifest } from '../../../src/compiler/manifest';
import { lockPublication, publishLoad } from '../../../src/db/loads';
import { previewSql } from '../../../src/db/preview-sql';
import { rawSql } from '../../../src/db/raw-sql';
import { sql } from '../../../src/db/sql';
import { openSession } from '../../support/database';
import { compileShop } from '../../support/small-project';
import { TestWarehouse } from '../../support/test-warehouse';
import { waitFor } from '../../support/wait-for';
import { transactionLines, TRANSACTIONS_HEADER, writeTemporary } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from '../ingest/warehouse';

/**
 * Hole 1: `WHERE _loaded_at > (SELECT max(_loaded_at) FROM this)` drops rows of a transaction that took its time early
 * and committed late, drops rows that share the maximum, and re-reads everything when the newest rows were filtered out.
 *
 * dbt-core#11129, dbt-core#15518, dbt-core#10867, dlt#2269, pg-trickle#536, Airbyte#10782, Airbyte#21500.
 */

let ingest: IngestWarehouse;
let pool: DatabasePool;

beforeEach(async () => {
  ingest = await startIngestWarehouse();
  pool = ingest.pool;
});
afterEach(() => ingest.stop());

const execute = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await pool.query(rawSql(statement));
};

const compile = (models: Record<string, string>): Manifest => {
  const { transactions } = ingest.datasets;
  if (!transactions) throw new Error('no dataset');
  const { name, columns, key } = transactions;
  return compileShop(models, [{ name, columns, key }]);
};

/** As a dbt user writes it. */
const PLAIN = `{{ config(materialized='incremental', unique_key='transaction_id') }}
select transaction_id, amount, _loaded_at from {{ source('raw', 'transactions') }}
{% if is_incremental() %}
where _loaded_at > (select max(_loaded_at) from {{ this }})
{% endif %}`;

const UNCONSUMED = `{{ config(materialized='incremental', unique_key='transaction_id') }}
select transaction_id, amount, _loaded_at from {{ unconsumed(source('raw', 'transactions')) }} as t`;

const ROWS_PER_LOAD = 3;

/** Accepts and loads a file; its rows are not yet visible. */
const loaded = async (nth: number): Promise<string> => {
  const lines = transactionLines(ROWS_PER_LOAD, nth * ROWS_PER_LOAD + 1);
  const batchId = await ingest.accept(
    'transactions',
    writeTemporary('t.csv', `${TRANSACTIONS_HEADER}\n${lines}`),
  );
  await ingest.load(batchId);
  return batchId;
};

const countOf = (relation: string): Promise<number> =>
  pool
    .oneFirst(
      sql.type(z.object({ count: z.string() }))`
      select count(*) from ${sql.identifier(relation.split('.'))}
    `,
    )
    .then(Number);

const missing = (relation: string): Promise<readonly unknown[]> =>
  ingest.rows(`select transaction_id from bronze.transactions except select transaction_id from ${relation}`);

describe('hole 1: `where _loaded_at > (select max(_loaded_at) from this)`, as the usual stack has it', () => {
  const naive = `insert into copied select * from arrived
    where loaded_at > (select coalesce(max(loaded_at), '-infinity') from copied)`;

  test('a transaction that took its time early and committed late is never copied', async () => {
    await execute(
      'create table arrived (id integer, loaded_at timestamptz default now())',
      'create table copied (id integer, loaded_at timestamptz)',
    );
    const slow = await openSession(ingest.url);
    await slow.query('begin');
    await slow.query('insert into arrived values (1)');
    await execute('insert into arrived values (2)', naive);
    await slow.query('commit');
    await slow.close();
    await execute(naive);
    expect(await ingest.rows('select id from copied order by id')).toEqual([{ id: 2 }]);
  });

  test('rows that share the maximum are never copied', async () => {
    await execute(
      'create table arrived (id integer, loaded_at timestamptz)',
      'create table copied (id integer, loaded_at timestamptz)',
      "insert into arrived values (1, '2024-01-01')",
      naive,
      "insert into arrived values (2, '2024-01-01')",
      naive,
    );
    expect(await ingest.rows('select id from copied order by id')).toEqual([{ id: 1 }]);
  });
});

describe('hole 1, as strata has it', () => {
  test('a load that took its place first and is published last is in the next run', async () => {
    const warehouse = await TestWarehouse.open(pool, compile({ plain: PLAIN, fed: UNCONSUMED }));
    const first = await loaded(0);
    await ingest.publish(await loaded(1));
    await warehouse.run();
    await ingest.publish(first);
    const results = await warehouse.run();
    expect(results.map((r) => r.rows?.inserted)).toEqual([ROWS_PER_LOAD, ROWS_PER_LOAD]);
    expect([await missing('shop.plain'), await missing('shop.fed')]).toEqual([[], []]);
  });

  test('a plain model that was first built when nothing had arrived is not empty for ever', async () => {
    const warehouse = await TestWarehouse.open(pool, compile({ plain: PLAIN }));
    await warehouse.run();
    await ingest.publish(await loaded(0));
    await warehouse.run();
    await ingest.publish(await loaded(1));
    await warehouse.run();
    expect(await missing('shop.plain')).toEqual([]);
    expect(await countOf('shop.plain')).toBe(2 * ROWS_PER_LOAD);
  });

  test('rows of one load share a time, no two loads do', async () => {
    for (const nth of [0, 1, 2]) await ingest.publish(await loaded(nth));
    expect(
      await ingest.rows('select count(*), count(distinct _loaded_at) as times from bronze.transactions'),
    ).toEqual([{ count: '9', times: '3' }]);
  });

  test('rows that the model filters out are read once, not for ever', async () => {
    const manifest = compile({ fed: `${UNCONSUMED} where amount > 1000` });
    const warehouse = await TestWarehouse.open(pool, manifest);
    await ingest.publish(await loaded(0));
    await warehouse.run();
    await ingest.publish(await loaded(1));
    const read = async (): Promise<string> =>
      (
        await previewSql(pool, {
          ...{ manifest, nodeId: 'model.shop.fed', vars: {}, fullRefresh: false },
          target: { database: 'test', warehouse: 'test' },
        })
      ).sql;
    expect(await read()).toContain('where _load_id = 2)');
    await warehouse.run();
    expect(await countOf('shop.fed')).toBe(0);
    expect(await read()).toMatch(/where false/);
    const [plan] = await ingest.rows(`explain (format text) ${await read()}`);
    expect(plan).toEqual({ 'QUERY PLAN': expect.stringMatching(/One-Time Filter: false|Result/) as unknown });
  });

  /** Adds up, so that what is read twice shows. */
  const COUNTING = `{{ config(materialized='incremental', unique_key='customer_id') }}
with fresh as (select customer_id, count(*) as n from {{ unconsumed(source('raw', 'transactions')) }} as t group by 1)
select f.customer_id, f.n {% if is_incremental() %} + coalesce(o.n, 0) {% endif %} as n
from fresh as f {% if is_incremental() %} left join {{ this }} as o using (customer_id) {% endif %}`;

  test('a run that was planned first and comes second does not make a model read twice', async () => {
    const warehouse = await TestWarehouse.open(pool, compile({ counted: COUNTING }));
    await ingest.publish(await loaded(0));
    await warehouse.run();
    const early = await warehouse.plan();
    await ingest.publish(await loaded(1));
    await warehouse.run();
    await early.run();
    await warehouse.run();
    expect(await ingest.rows('select n from shop.counted')).toEqual([{ n: '6' }]);
  });

  test('what is published between planning and building is read by the build, and not again', async () => {
    const warehouse = await TestWarehouse.open(pool, compile({ counted: COUNTING }));
    for (const transform of [{}, { fullRefresh: true }]) {
      const planned = await warehouse.plan(transform);
      await ingest.publish(await loaded(transform.fullRefresh ? 1 : 0));
      await planned.run();
      await warehouse.run();
    }
    expect(await ingest.rows('select n from shop.counted')).toEqual([{ n: '6' }]);
  });
});

describe('a plain dbt model, while loads are published from all sides', () => {
  const LOADS = 24;
  const PUBLISHERS = 4;

  /** Begins first, stays open while others come and go, and is published last. */
  const publishLate = async (batchId: string, go: Promise<void>): Promise<void> =>
    pool.transaction(async (transaction) => {
      await transaction.query(rawSql('select now(), pg_current_xact_id()'));
      await go;
      const loadId = await transaction.oneFirst(sql.type(z.object({ load_id: z.string() }))`
        select load_id from ops.load where batch_id = ${batchId}::bigint
      `);
      await lockPublication(transaction, 'transactions');
      await publishLoad(transaction, loadId, 'transactions');
      await transaction.query(rawSql(`update ops.batch set state = 'published' where batch_id = ${batchId}`));
    });

  test('it loses nothing', async () => {
    const warehouse = await TestWarehouse.open(pool, compile({ plain: PLAIN, fed: UNCONSUMED }));
    const batches = [];
    for (let nth = 0; nth < LOADS; nth += 1) batches.push(await loaded(nth));
    const [late = '', first = '', ...others] = batches;
    await ingest.publish(first);
    let go = (): void => undefined;
    const lateOne = publishLate(late, new Promise((resolve) => (go = resolve)));
    let running = true;
    const runs = (async () => {
      let count = 0;
      for (; running; count += 1) await warehouse.run();
      return count;
    })();
    const publisher = async (nth: number): Promise<void> => {
      for (const [i, batchId] of others.entries()) if (i % PUBLISHERS === nth) await ingest.publish(batchId);
    };
    await Promise.all(Array.from({ length: PUBLISHERS }, (_, nth) => publisher(nth)));
    go();
    await lateOne;
    running = false;
    expect(await runs).toBeGreaterThan(0);
    await warehouse.run();
    expect(await countOf('shop.plain')).toBe(LOADS * ROWS_PER_LOAD);
    expect([await missing('shop.plain'), await missing('shop.fed')]).toEqual([[], []]);
  });

  test('a publication that has taken its time holds the next one up until it is visible', async () => {
    const [first = '', second = ''] = [await loaded(0), await loaded(1)];
    let commit = (): void => undefined;
    const held = pool.transaction(async (transaction) => {
      await lockPublication(transaction, 'transactions');
      await publishLoad(transaction, '1', 'transactions');
      await transaction.query(rawSql(`update ops.batch set state = 'published' where batch_id = ${first}`));
      await new Promise<void>((resolve) => (commit = resolve));
    });
    const after = ingest.publish(second);
    await waitFor(
      () =>
        pool.exists(sql.typeAlias('void')`
          select from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())
        `),
      { what: 'the second publication to wait' },
    );
    expect(await countOf('bronze.transactions')).toBe(0);
    commit();
    await Promise.all([held, after]);
    expect(await ingest.rows('select batch_id, position from ops.load order by loaded_at')).toEqual([
      { batch_id: first, position: '1' },
      { batch_id: second, position: '2' },
    ]);
  });
});

import type { DatabasePool } from 'slonik';
import { sql } from '../../../src/db/sql';
import { z } from 'zod';
import { compileProject } from '../../../src/compiler/compile-project';
import { createWarehousePool } from '../../../src/db/pool';
import { planRun } from '../../../src/db/plan-run';
import { storePlan } from '../../../src/db/plans';
import { rawSql } from '../../../src/db/raw-sql';
import { runNode } from '../../../src/db/run-node';
import { isTransient, sqlStateOf } from '../../../src/db/sqlstate';
import { databaseUuid } from '../../../src/db/warehouse';
import type { NodeResult, TransformInput } from '../../../src/wire/transform';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { TestWarehouse } from '../../support/test-warehouse';
import { waitFor } from '../../support/wait-for';

let database: TestDatabase;
let pool: DatabasePool;

beforeEach(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  await execute('create table things (id text, n integer, at timestamptz, place integer)');
});

afterEach(async () => {
  await pool.end();
  await database.drop();
});

const execute = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await pool.query(rawSql(statement));
};

const select = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await pool.query(rawSql(query))).rows;

const compile = (models: Record<string, string>) =>
  compileProject({
    files: [
      { path: 'dbt_project.yml', text: 'name: shop\nmodels:\n  shop:\n    +schema: shop\n' },
      {
        path: 'models/sources.yml',
        text: 'version: 2\nsources: [{name: raw, schema: public, tables: [{name: things}]}]',
      },
      ...Object.entries(models).map(([name, text]) => ({ path: `models/${name}.sql`, text })),
    ],
    datasets: [],
  });

const run = async (models: Record<string, string>, transform: TransformInput = {}): Promise<NodeResult[]> =>
  (await TestWarehouse.open(pool, compile(models))).run(transform);

const FROM_THINGS = "from {{ source('raw', 'things') }}";

const sleeping = sql.type(
  z.object({}),
)`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`;

const config = (settings: string): string => `{{ config(${settings}) }}\n`;

describe('view', () => {
  test('a view is replaced by one with other columns, and views that others made over it survive', async () => {
    await run({ v: `${config("materialized='view'")} select id, n ${FROM_THINGS}` });
    await execute('create view mine as select id from shop.v');
    await run({ v: `${config("materialized='view'")} select n, id, 1 as one ${FROM_THINGS}` });
    await execute("insert into things values ('a', 1)");
    expect(await select('select one from shop.v')).toEqual([{ one: 1 }]);
    expect(await select('select id from mine')).toEqual([{ id: 'a' }]);
  });

  test('a relation that strata did not make is never replaced', async () => {
    await execute('create schema shop', 'create table shop.v (precious text)');
    await expect(
      run({ v: `${config("materialized='view'")} select id ${FROM_THINGS}` }),
    ).rejects.toMatchObject({
      code: 'RELATION_CONFLICT',
    });
    expect(await select('select * from shop.v')).toEqual([]);
  });
});

describe('table', () => {
  const models = {
    t: `${config("materialized='table', indexes=[{'columns': ['id']}]")} select id, n ${FROM_THINGS}`,
  };

  // SQLMesh#2896.
  test('a table is built beside and swapped in: grants and dependent views stay', async () => {
    await execute("insert into things values ('a', 1)");
    await run(models);
    await execute(
      'create view mine with (security_invoker=true) as select id from shop.t',
      "comment on view mine is 'it''s mine'",
      'grant select on shop.t to public',
      'grant usage on schema shop to pg_monitor',
      'grant create on schema public to pg_monitor',
      'alter view mine owner to pg_monitor',
      'grant select on mine to public',
    );
    await execute("insert into things values ('b', 2)");
    const [result] = await run(models);
    expect(result?.rows).toMatchObject({ inserted: 2, updated: 0, deleted: 0 });
    expect(await select('select count(*) from mine')).toEqual([{ count: '2' }]);
    expect(
      await select(`select c.reloptions, obj_description(c.oid, 'pg_class') as comment, pg_get_userbyid(c.relowner) as owner
        from pg_class as c where c.relname = 'mine'`),
    ).toEqual([{ reloptions: ['security_invoker=true'], comment: "it's mine", owner: 'pg_monitor' }]);
    expect(await select("select has_table_privilege('public', 'mine', 'select') as may")).toEqual([
      { may: true },
    ]);
    expect(await select("select has_table_privilege('public', 'shop.t', 'select') as may")).toEqual([
      { may: true },
    ]);
    expect(await select("select nspname from pg_namespace where nspname like 'strata_build%'")).toEqual([]);
  });
});

describe('incremental', () => {
  const merged = (settings = '', columns = 'id, n, place'): Record<string, string> => ({
    m: `${config(`materialized='incremental', unique_key='id'${settings}`)} select ${columns} ${FROM_THINGS}`,
  });

  test('only rows that differ are written: the others keep their xmin', async () => {
    await execute("insert into things values ('a', 1), ('b', null), ('c', 3)");
    await run(merged());
    const before = await select("select id, xmin::text from shop.m where id <> 'c' order by id");
    await execute("update things set n = 4 where id = 'c'", "insert into things values ('d', 5)");
    const [result] = await run(merged());
    expect(result?.rows).toMatchObject({ inserted: 1, updated: 1, deleted: 0 });
    expect(await select("select id, xmin::text from shop.m where id < 'c' order by id")).toEqual(before);
  });

  test('a value that becomes NULL, or was NULL, is a change', async () => {
    await execute("insert into things values ('a', 1), ('b', null)");
    await run(merged());
    await execute("update things set n = case id when 'a' then null else 1 end");
    const [result] = await run(merged());
    expect(result?.rows?.updated).toBe(2);
    expect(await select('select id, n from shop.m order by id')).toEqual([
      { id: 'a', n: null },
      { id: 'b', n: 1 },
    ]);
  });

  describe('beside the key a column is unique', () => {
    const models = (settings = '', columns = 'id, n, place') =>
      merged(`, indexes=[{'columns': ['n'], 'unique': true}]${settings}`, columns);
    const equal = async (): Promise<void> =>
      expect(await select('select id, n from shop.m order by id')).toEqual(
        await select('select id, n from things order by id'),
      );

    test('rows may change places in it, in a run and in a full refresh', async () => {
      await execute("insert into things values ('a', 1), ('b', 2), ('c', 3)");
      await run(models());
      for (const options of [{}, { fullRefresh: true }]) {
        await execute('update things set n = n % 3 + 1');
        await run(models(), options);
        await equal();
      }
    });

    test('two rows with the same value fail, and the relation stays as it was', async () => {
      await execute("insert into things values ('a', 1), ('b', 2)");
      await run(models());
      await execute('update things set n = 3');
      await expect(run(models())).rejects.toMatchObject({ code: 'KEY_DUPLICATE' });
      expect(await select('select id, n from shop.m order by id')).toEqual([
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
      ]);
    });

    test('a row that changes otherwise is updated: what refers to it is not disturbed, columns that are no more selected stay', async () => {
      const settings = ", on_schema_change='append_new_columns'";
      await execute("insert into things values ('a', 1, null, 7), ('b', 2, null, 8)");
      await run(models(settings));
      await execute(
        'create table refers (id text references shop.m on delete cascade)',
        "insert into refers values ('a'), ('b')",
        'update things set n = n + 10',
      );
      await run(models(settings, 'id, n'));
      await equal();
      expect(await select('select place from shop.m order by id')).toEqual([{ place: 7 }, { place: 8 }]);
      expect(await select('select count(*)::integer as rows from refers')).toEqual([{ rows: 2 }]);
    });
  });

  // sample-voice-of-customer-datalake#411.
  test('of several rows of a key the greatest load order stands, and an older one never comes back', async () => {
    await execute("insert into things (id, n, place) values ('a', 1, 1), ('a', 3, 3), ('a', 2, 2)");
    const models = merged(", load_order='place'");
    await run(models);
    expect(await select('select n from shop.m')).toEqual([{ n: 3 }]);
    await execute('delete from things where place = 3');
    await run(models);
    expect(await select('select n from shop.m')).toEqual([{ n: 3 }]);
  });

  // dbt-adapters#159, dbt-core#5691.
  test('a key twice without a load order is KEY_DUPLICATE, a NULL key is KEY_NULL; the relation stays as it was', async () => {
    await execute("insert into things values ('a', 1)");
    await run(merged());
    await execute("insert into things values ('b', 1), ('b', 2)");
    await expect(run(merged())).rejects.toMatchObject({ code: 'KEY_DUPLICATE' });
    await execute('delete from things', 'insert into things values (null, 1)');
    await expect(run(merged())).rejects.toMatchObject({ code: 'KEY_NULL' });
    await expect(run(merged(), { fullRefresh: true })).rejects.toMatchObject({ code: 'KEY_NULL' });
    expect(await select('select id, n from shop.m')).toEqual([{ id: 'a', n: 1 }]);
  });

  test('delete_where does not go with load_order: what has left could not keep older rows out', async () => {
    await expect(run(merged(", delete_where='n = 0', load_order='place'"))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('does not go with load_order') as string,
    });
  });

  test('pages are filled as fillfactor says: of what is built, and from a full refresh on of what stands', async () => {
    const options = async (): Promise<unknown> =>
      (await select("select reloptions from pg_class where oid = 'shop.m'::regclass"))[0]?.['reloptions'];
    const pages = async (): Promise<number> =>
      Number(
        (await select('select count(distinct (ctid::text::point)[0]) as pages from shop.m'))[0]?.['pages'],
      );
    await execute('insert into things select i::text, i from generate_series(1, 2000) as i');
    const table = (fillfactor: number): Record<string, string> => ({
      t: config(`materialized='table', alias='m', fillfactor=${fillfactor}`) + `select id, n ${FROM_THINGS}`,
    });
    await run(table(100));
    const full = await pages();
    await run(table(50));
    expect(await pages()).toBeGreaterThan(1.8 * full);
    await execute('drop table shop.m', 'delete from ops.relation');
    await run(merged(', fillfactor=50'));
    expect(await pages()).toBeGreaterThan(1.8 * full);
    expect(await options()).toEqual(['fillfactor=50']);
    await run(merged(', fillfactor=80'), { fullRefresh: true });
    expect(await options()).toEqual(['fillfactor=80']);
    await run(merged(), { fullRefresh: true });
    expect(await options()).toEqual(['fillfactor=80']);
  });

  test.each([
    ['fillfactor=9', 'fillfactor'],
    ["fillfactor=70, partition_by={'field': 'at'}", 'fillfactor: does not go with partition_by'],
  ])('%s is refused', async (settings, message) => {
    await expect(run(merged(`, ${settings}`))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });

  test('rows that delete_where names leave the relation, or never enter it', async () => {
    await execute("insert into things values ('a', 1), ('b', 0)");
    const models = merged(", delete_where='n = 0'");
    await run(models);
    expect(await select('select id from shop.m')).toEqual([{ id: 'a' }]);
    await execute("update things set n = 0 where id = 'a'", "insert into things values ('c', 0)");
    const [result] = await run(models);
    expect(result?.rows).toMatchObject({ inserted: 0, updated: 0, deleted: 1 });
    expect(await select('select id from shop.m')).toEqual([]);
  });

  // PeerDB#3932.
  test.each([
    ['ignore', 'id, n', ['id', 'n']],
    ['append_new_columns', 'id, n, place', ['id', 'n', 'place']],
    ['sync_all_columns', 'id, place', ['id', 'place']],
  ])('on_schema_change %s', async (policy, columns, expected) => {
    await execute("insert into things values ('a', 1, null, 7)");
    await run(merged(`, on_schema_change='${policy}'`, 'id, n'));
    await run(merged(`, on_schema_change='${policy}'`, policy === 'ignore' ? 'id, n, place' : columns));
    const rows = await select('select * from shop.m');
    expect(Object.keys(rows[0] ?? {})).toEqual(expected);
  });

  test('on_schema_change fail says which columns came and went', async () => {
    await execute("insert into things values ('a', 1)");
    await run(merged(", on_schema_change='fail'", 'id, n'));
    await expect(run(merged(", on_schema_change='fail'", 'id, place'))).rejects.toThrow(/\+place, -n/);
  });

  // dbt-adapters#2094, pg_partman#777, pg_partman#462.
  test('months have partitions of their own; odd dates share one for their century; a correction moves the row', async () => {
    await execute(`insert into things (id, at) values ('a', '2024-01-31T23:59:59.999999Z'), ('b', '2024-02-01T00:00:00Z'),
      ('c', '0001-01-01'), ('d', '1812-06-01'), ('e', '9999-12-31T23:59:59Z')`);
    const models = merged(", partition_by={'field': 'at'}", 'id, at');
    await run(models);
    const where = 'select id, tableoid::regclass::text as t from shop.m order by id';
    const year = new Date().getUTCFullYear() + 6;
    expect(await select(where)).toEqual([
      { id: 'a', t: 'shop.m_2024_01' },
      { id: 'b', t: 'shop.m_2024_02' },
      { id: 'c', t: 'shop.m_y0001_y0100' },
      { id: 'd', t: 'shop.m_y1800_y1900' },
      { id: 'e', t: 'shop.m_y9900_y10000' },
    ]);
    await execute(
      `update things set at = '2024-03-05' where id = 'a'`,
      `update things set at = '${year}-01-01' where id = 'b'`,
    );
    const [result] = await run(models);
    expect(result?.rows).toMatchObject({ inserted: 0, updated: 2, deleted: 0 });
    expect((await select(where)).slice(0, 2)).toEqual([
      { id: 'a', t: 'shop.m_2024_03' },
      { id: 'b', t: `shop.m_y${year}_y2100` },
    ]);
    const partitions = await select(
      "select relname from pg_class where relkind = 'r' and relnamespace = 'shop'::regnamespace",
    );
    expect(partitions).toHaveLength(7);
  });
});

describe('scd2', () => {
  const models = {
    d: `${config("materialized='scd2', unique_key='id', updated_at='at', type_2=['n'], type_1=['place'], surrogate_key='sk'")}
select id, n, place, at ${FROM_THINGS}`,
  };

  test('the database itself refuses an overlap, an empty window and a second current row', async () => {
    await execute("insert into things values ('a', 1, '2024-01-01', 1), ('a', 2, '2024-02-01', 2)");
    await run(models);
    const insert = (from: string, to: string, current: boolean): Promise<void> =>
      execute(`insert into shop.d (sk, id, n, valid_from, valid_to, is_current)
        values (gen_random_uuid(), 'a', 9, ${from}, ${to}, ${current})`);
    const state = (work: Promise<void>): Promise<unknown> =>
      work.catch((error: unknown) => sqlStateOf(error));
    expect(await state(insert("'2024-01-15'", "'2024-01-20'", false))).toBe('23P01');
    expect(await state(insert("'2023-01-01'", "'2023-01-01'", false))).toBe('23514');
    expect(await state(insert("'2023-01-01'", "'2023-02-01'", true))).toBe('23505');
  });

  test('a backdated change cuts the history anew; versions that stay the same keep key and xmin', async () => {
    await execute(
      "insert into things values ('a', 1, '2024-01-01', 5), ('a', 3, '2024-03-01', 5), ('b', 1, '2024-01-01', 5)",
    );
    await run(models);
    const before = await select(
      "select sk, xmin::text from shop.d where valid_from = '2024-03-01' or id = 'b' order by id",
    );
    await execute("insert into things values ('a', 2, '2024-02-01', 5)");
    const [result] = await run(models);
    expect(result?.rows).toMatchObject({ inserted: 1, updated: 1, deleted: 0 });
    expect(
      await select(
        "select sk, xmin::text from shop.d where valid_from = '2024-03-01' or id = 'b' order by id",
      ),
    ).toEqual(before);
    expect(await select("select n, is_current from shop.d where id = 'a' order by valid_from")).toEqual([
      { n: 1, is_current: false },
      { n: 2, is_current: false },
      { n: 3, is_current: true },
    ]);
  });

  test('surrogate keys survive a full refresh', async () => {
    await execute("insert into things values ('a', 1, '2024-01-01', 5), ('a', 3, '2024-03-01', 5)");
    await run(models);
    const before = await select('select sk from shop.d order by valid_from');
    await run(models, { fullRefresh: true });
    expect(await select('select sk from shop.d order by valid_from')).toEqual(before);
  });
});

describe('by_period', () => {
  const models = {
    base: `${config("materialized='incremental', unique_key='id'")} select id, n, at ${FROM_THINGS}`,
    mart: `${config("materialized='by_period', unique_key='month', period='month', period_column='month'")}
{% do affected_periods("select at from " ~ changes(ref('base')) ~ " as c") %}
select date_trunc('month', at at time zone 'UTC')::date as month, sum(n) as total
from {{ ref('base') }} where {{ in_affected_periods('at') }} group by 1`,
  };

  test('a row that moves between months recomputes both, and no other; an empty month disappears', async () => {
    await execute(
      "insert into things values ('a', 1, '2024-01-10'), ('b', 2, '2024-02-10'), ('c', 3, '2024-03-10')",
    );
    await run(models);
    const before = await select("select xmin::text from shop.mart where month = '2024-03-01'");
    await execute("update things set at = '2024-02-20' where id = 'a'");
    const results = await run(models);
    expect(results[1]).toMatchObject({
      rows: { inserted: 0, updated: 1, deleted: 1 },
      periods: ['2024-01-01', '2024-02-01'],
      periodCount: 2,
    });
    expect(await select("select to_char(month, 'MM') as month, total from shop.mart order by month")).toEqual(
      [
        { month: '02', total: '3' },
        { month: '03', total: '3' },
      ],
    );
    expect(await select("select xmin::text from shop.mart where month = '2024-03-01'")).toEqual(before);
  });
});

test('changes() of a relation that keeps no feed is refused', async () => {
  const models = {
    t: `${config("materialized='table'")} select id, n ${FROM_THINGS}`,
    m: `${config("materialized='incremental', unique_key='id'")} select id, n from {{ changes(ref('t')) }} as c`,
  };
  await expect(run(models)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});

test('a node that was done is not done again: a retry of the same run returns what was committed', async () => {
  await execute("insert into things values ('a', 1)");
  const manifest = compile({
    m: `${config("materialized='incremental', unique_key='id'")} select id, n ${FROM_THINGS}`,
  });
  const planHash = await storePlan(pool, manifest);
  const { nodes } = await planRun({ pool }, { runId: 'r1', workflowId: 'w', planHash, transform: {} });
  const request = {
    runId: 'r1',
    databaseUuid: await databaseUuid(pool),
    nodeId: nodes[0]?.id ?? '',
    attempt: 1,
    signal: new AbortController().signal,
  };
  const first = await runNode({ pool, warehouse: 'test' }, request);
  await execute("insert into things values ('b', 2)");
  const second = await runNode({ pool, warehouse: 'test' }, { ...request, attempt: 2 });
  expect(second.rows).toEqual(first.rows);
  expect(await select('select count(*) from shop.m')).toEqual([{ count: '1' }]);
});

test('a new attempt ends an earlier one that hangs, and the work is done once', async () => {
  await execute("insert into things values ('a', 600)");
  const manifest = compile({
    m: `${config("materialized='incremental', unique_key='id'")} select id, pg_sleep(n)::text as nap ${FROM_THINGS}`,
  });
  const planHash = await storePlan(pool, manifest);
  const { nodes } = await planRun({ pool }, { runId: 'r1', workflowId: 'w', planHash, transform: {} });
  const uuid = await databaseUuid(pool);
  const attempt = (n: number): Promise<NodeResult> =>
    runNode(
      { pool, warehouse: 'test' },
      {
        runId: 'r1',
        databaseUuid: uuid,
        nodeId: nodes[0]?.id ?? '',
        attempt: n,
        signal: new AbortController().signal,
      },
    );
  const frozen = attempt(1).catch((error: unknown) => isTransient(error));
  await waitFor(() => pool.exists(sleeping), { what: 'the first attempt to hang' });
  await execute('update things set n = 0');
  expect((await attempt(2)).rows).toMatchObject({ inserted: 1, updated: 0, deleted: 0 });
  expect(await frozen).toBe(true);
  const version = await pool.oneFirst(
    sql.type(z.object({ version: z.string() }))`select version from ops.relation`,
  );
  expect(version).toBe('1');
});

// SQLMesh#5843.
test('an aborted node is cancelled in the database and leaves nothing', async () => {
  const manifest = compile({
    m: `${config("materialized='table'")} select 1 as one, pg_sleep(600)::text as nap ${FROM_THINGS} as t`,
  });
  await execute("insert into things values ('a', 1)");
  const planHash = await storePlan(pool, manifest);
  const { nodes } = await planRun({ pool }, { runId: 'r1', workflowId: 'w', planHash, transform: {} });
  const abort = new AbortController();
  const work = runNode(
    { pool, warehouse: 'test' },
    {
      runId: 'r1',
      databaseUuid: await databaseUuid(pool),
      nodeId: nodes[0]?.id ?? '',
      attempt: 1,
      signal: abort.signal,
    },
  );
  await waitFor(() => pool.exists(sleeping), { what: 'the model to run' });
  abort.abort();
  await expect(work).rejects.toThrow();
  expect(await pool.exists(sleeping)).toBe(false);
  expect(await select("select to_regclass('shop.m') as t")).toEqual([{ t: null }]);
});

test('work begun on another database of this name is refused', async () => {
  const manifest = compile({ v: `${config("materialized='view'")} select id ${FROM_THINGS}` });
  const planHash = await storePlan(pool, manifest);
  const { nodes } = await planRun({ pool }, { runId: 'r1', workflowId: 'w', planHash, transform: {} });
  const work = runNode(
    { pool, warehouse: 'test' },
    {
      runId: 'r1',
      databaseUuid: '00000000-0000-0000-0000-000000000000',
      nodeId: nodes[0]?.id ?? '',
      attempt: 1,
      signal: new AbortController().signal,
    },
  );
  await expect(work).rejects.toMatchObject({ code: 'DATABASE_REPLACED' });
});

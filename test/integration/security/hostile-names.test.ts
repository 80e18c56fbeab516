import type { DatabasePool } from 'slonik';
import { compileProject } from '../../../src/compiler/compile-project';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { TestWarehouse } from '../../support/test-warehouse';

/** Names that break out of whatever doesn't quote them. */
const SCHEMA = `go"ld'; drop schema ops cascade; --`;
const KEY = `k"ey' ; --`;
const VALUE = '$$va"lue$1';
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const text = (value: string): string => JSON.stringify(value);

const files = [
  {
    path: 'dbt_project.yml',
    text: `name: hostile\nmodels:\n  hostile:\n    +schema: ${text(SCHEMA)}\n`,
  },
  {
    path: 'models/sources.yml',
    text: 'sources:\n  - name: raw\n    schema: bronze\n    tables:\n      - name: Select\n',
  },
  {
    path: 'models/stg table.sql',
    text: `{{ config(materialized='incremental', unique_key=${text(KEY)}, load_order=['_batch_id', '_row_number'], alias=${text(`o'clock "; --`)}) }}
select ${quoted(KEY)}, ${quoted(VALUE)}, _loaded_at, _batch_id, _row_number from {{ unconsumed(source('raw', 'Select')) }}`,
  },
  {
    path: 'models/mart.sql',
    text: `{{ config(materialized='table', alias='user') }}
select ${quoted(KEY)}, ${quoted(VALUE)} from {{ ref('stg table') }}`,
  },
  {
    path: 'models/schema.yml',
    text: `models:\n  - name: mart\n    columns:\n      - name: ${text(KEY)}\n        quote: true\n        tests: [unique, not_null]\n`,
  },
];

let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('a project of hostile names is built, maintained, rebuilt and tested', async () => {
  const columns = [KEY, VALUE].map((name) => ({ name, type: 'text' }));
  const manifest = compileProject({ files, datasets: [{ name: 'Select', columns, key: [KEY] }] });
  const warehouse = await TestWarehouse.open(pool, manifest);
  const insert = async (batchId: number, key: string, value: string): Promise<void> => {
    await pool.query(
      rawSql(`with b as (
        insert into ops.batch (batch_id, dataset, file, state) overriding system value
        values (${batchId}, 'Select', 'test', 'loaded') returning batch_id
      )
      insert into ops.load (load_id, batch_id, dataset) overriding system value
      select ${batchId}, batch_id, 'Select' from b`),
    );
    const loadId = String(batchId);
    await pool.query(
      rawSql(`insert into strata_bronze."Select" (${quoted(KEY)}, ${quoted(VALUE)}, _load_id, _batch_id, _row_number)
      values ('${key}', '${value}', ${loadId}, ${batchId}, 1)`),
    );
    await warehouse.publish('Select', loadId);
  };
  const mart = async (): Promise<unknown> =>
    (await pool.query(rawSql(`select * from ${quoted(SCHEMA)}."user" order by 1`))).rows;
  const states = async (fullRefresh = false): Promise<unknown> =>
    (await warehouse.run({ fullRefresh, command: 'run' })).map(({ state }) => state);
  await insert(1, 'a', 'one');
  expect(await states()).toEqual(['success', 'success']);
  await insert(2, 'a', 'two');
  await insert(3, 'b', 'three');
  for (const fullRefresh of [false, true]) {
    expect(await states(fullRefresh)).toEqual(['success', 'success']);
    expect(await mart()).toEqual([
      { [KEY]: 'a', [VALUE]: 'two' },
      { [KEY]: 'b', [VALUE]: 'three' },
    ]);
  }
  expect((await warehouse.run({ command: 'test' })).map(({ state }) => state)).toEqual([
    'success',
    'success',
  ]);
});

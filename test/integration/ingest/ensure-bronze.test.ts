import type { ManifestDataset } from '../../../src/compiler/manifest';
import { ensureBronze } from '../../../src/db/ensure-bronze';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

let warehouse: IngestWarehouse;

beforeAll(async () => {
  warehouse = await startIngestWarehouse();
});
afterAll(() => warehouse.stop());

const notes = (name: string, ...columns: [string, string][]): ManifestDataset => ({
  name,
  key: ['id'],
  columns: [['id', 'text'] as const, ...columns].map(([column, type]) => ({ name: column, type })),
});

const columnsOf = async (schema: string, name: string): Promise<string[]> =>
  (
    await warehouse.rows(
      `select attname::text || ' ' || format_type(atttypid, atttypmod) as c from pg_attribute
      where attrelid = '${schema}.${name}'::regclass and attnum > 0 and not attisdropped order by attnum`,
    )
  ).map(({ c }) => String(c));

const OWN = [
  '_loaded_at timestamp with time zone',
  '_batch_id bigint',
  '_row_number bigint',
  '_extra jsonb',
  '_load_id bigint',
];

test('the relations are made from the contract, once, by however many callers', async () => {
  const dataset = notes(
    'made',
    ['at', 'timestamptz'],
    ['amount', 'numeric(18,2)'],
    ['n', 'bigint'],
    ['f', 'double precision'],
  );
  await Promise.all(Array.from({ length: 5 }, () => ensureBronze(warehouse.pool, [dataset])));
  await ensureBronze(warehouse.pool, [dataset]);
  expect(await columnsOf('bronze', 'made')).toEqual([
    ...['id text', 'at timestamp with time zone', 'amount numeric(18,2)', 'n bigint', 'f double precision'],
    ...OWN,
  ]);
  const indexes = await warehouse.rows(
    "select indexdef from pg_indexes where schemaname = 'strata_bronze' and tablename = 'made'",
  );
  expect(indexes).toEqual([
    { indexdef: expect.stringContaining("USING brin (_load_id) WITH (autosummarize='on')") },
  ]);
});

test('a new column is added at the end, beneath views that depend on the relation', async () => {
  await ensureBronze(warehouse.pool, [notes('grown', ['a', 'text'])]);
  await warehouse.rows('create view public.dependent as select * from bronze.grown');
  await ensureBronze(warehouse.pool, [notes('grown', ['b', 'date'], ['a', 'text'])]);
  expect(await columnsOf('bronze', 'grown')).toEqual(['id text', 'a text', ...OWN, 'b date']);
});

test('a column that the contract no longer has stays', async () => {
  await ensureBronze(warehouse.pool, [notes('shrunk', ['a', 'text'], ['b', 'text'])]);
  await ensureBronze(warehouse.pool, [notes('shrunk', ['b', 'text'])]);
  expect(await columnsOf('bronze', 'shrunk')).toEqual(['id text', 'a text', 'b text', ...OWN]);
});

test('a changed type is an error that names the column', async () => {
  await ensureBronze(warehouse.pool, [notes('retyped', ['a', 'numeric(18,2)'])]);
  await expect(
    ensureBronze(warehouse.pool, [notes('retyped', ['a', 'numeric(18,3)'])]),
  ).rejects.toMatchObject({
    code: 'DATASET_INCOMPATIBLE',
    message:
      'Column "a" of dataset "retyped" is numeric(18,3) in the contract but numeric(18,2) in the database',
  });
});

test('a type that is no name of one never reaches the database', async () => {
  await expect(
    ensureBronze(warehouse.pool, [notes('odd', ['a', 'text); drop table x; --'])]),
  ).rejects.toMatchObject({
    code: 'DATASET_INVALID',
  });
});

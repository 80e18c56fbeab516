import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config';
import type { ArchivePartitionsResult } from '../../src/wire/archive';
import { WORKFLOW } from '../../src/wire/names';
import type { TransformResult } from '../../src/wire/transform';
import { createTestDatabase, openSession, type Session, type TestDatabase } from '../support/database';
import { type ServedWarehouse, serveWarehouse } from '../support/served-warehouse';
import { waitFor } from '../support/wait-for';
import { failureOf } from './workflow-worker';

const cold = mkdtempSync(join(tmpdir(), 'strata-cold-'));
const project = mkdtempSync(join(tmpdir(), 'strata-archived-'));
let database: TestDatabase;
let session: Session;
let served: ServedWarehouse;

/** Some months of one row each, long past. */
const months = (
  count: number,
  amount = '1.5',
): string => `{{ config(materialized='incremental', unique_key='id',
  partition_by={'field': 'at'}, retention='24 months') }}
select 'k' || i as id, timestamptz '2019-12-15Z' + i * interval '1 month' as at, (${amount})::numeric(18,2) as amount
from generate_series(1, ${count}) as i`;

/** In the order in which they are looked at. */
const MODELS: Readonly<Record<string, string>> = {
  a_read_by_a_table: months(3),
  report: "{{ config(materialized='table') }} select count(*) as facts from {{ ref('a_read_by_a_table') }}",
  b_unfit: months(3, `case i when 2 then 'NaN' else '1.5' end`),
  c_without_place: months(1),
  d_sound: months(3),
};

beforeAll(async () => {
  mkdirSync(join(project, 'models'));
  writeFileSync(join(project, 'dbt_project.yml'), 'name: shop\nmodels: {shop: {+schema: shop}}\n');
  for (const [name, text] of Object.entries(MODELS))
    writeFileSync(join(project, 'models', `${name}.sql`), text);
  // A file where the model's folder has to be.
  writeFileSync(join(cold, 'shop.c_without_place'), '');
  database = await createTestDatabase({ template: 'migrated' });
  session = await openSession(database.url);
  const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere', STRATA_PROJECT_DIR: project });
  served = await serveWarehouse({
    config: { ...config, archive: cold },
    databaseUrl: database.url,
    warehouse: database.name,
  });
});
afterAll(async () => {
  await served.stop();
  await session.close();
  await database.drop();
  for (const folder of [cold, project]) rmSync(folder, { recursive: true });
});

const execute = <T>(type: string, input: object): Promise<T> =>
  served.client.workflow.execute(type, {
    workflowId: `${database.name}/${type}`,
    taskQueue: database.name,
    args: [input],
  });
const rowsOf = async (model: string): Promise<unknown> =>
  (await session.query(`select count(*)::int as rows from shop.${model}`))[0]?.['rows'];

test('what can not be archived of one model keeps none of another from it, and is told in one failure', async () => {
  expect(await execute<TransformResult>(WORKFLOW.transform, { retries: 0 })).toMatchObject({
    state: 'success',
  });
  const failure = await failureOf(execute(WORKFLOW.archivePartitions, {}));
  expect(failure).toMatchObject({ type: 'ARCHIVE_INCOMPLETE', nonRetryable: true });
  const { partitions, more } = failure.details?.[0] as ArchivePartitionsResult;
  const ended = Object.fromEntries(
    ['a_read_by_a_table', 'b_unfit', 'c_without_place', 'd_sound'].map((model) => [
      model,
      partitions
        .filter((p) => p.relation === `shop.${model}`)
        .map(({ partition, code }) => `${partition.slice(-2)} ${code ?? 'archived'}`),
    ]),
  );
  expect([ended, more]).toEqual([
    {
      a_read_by_a_table: ['01 ARCHIVE_REFUSED', '02 ARCHIVE_REFUSED', '03 ARCHIVE_REFUSED'],
      b_unfit: ['01 archived', '02 ARCHIVE_UNFIT', '03 archived'],
      c_without_place: ['01 UNEXPECTED'],
      d_sound: ['01 archived', '02 archived', '03 archived'],
    },
    false,
  ]);
  for (const said of [
    'shop.a_read_by_a_table (a_read_by_a_table_2020_01, a_read_by_a_table_2020_02, a_read_by_a_table_2020_03): ' +
      'ARCHIVE_REFUSED: shop.a_read_by_a_table: report is a table, made of all of its rows each time ' +
      '(Make the model that reads it incremental or by_period',
    'shop.b_unfit (b_unfit_2020_02): ARCHIVE_UNFIT: shop.b_unfit_2020_02: NaN or an infinite time in amount',
    'shop.c_without_place (c_without_place_2020_01): UNEXPECTED: ',
  ])
    expect(failure.message).toContain(said);
  // No row is away that has no file.
  const live = [];
  for (const model of Object.keys(ended)) live.push(await rowsOf(model));
  expect(live).toEqual([3, 1, 1, 0]);
  const failed = "select state from ops.incident where subject = 'workflow archivePartitions'";
  expect(await waitFor(async () => (await session.query(failed))[0])).toMatchObject({ state: 'firing' });
}, 180_000);

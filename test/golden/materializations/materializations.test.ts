import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createStaged,
  keepNewest,
  stagedRows,
  tableConstraints,
} from '../../../src/compiler/materializations/build';
import {
  applyDelta,
  compareStaged,
  countDelta,
  createFeed,
  type DeltaInput,
  feedDelta,
  STAGED,
} from '../../../src/compiler/materializations/delta';
import {
  findDifference,
  type Refreshed,
  writeDifference,
} from '../../../src/compiler/materializations/difference';
import {
  applyToKeyPlaces,
  createKeyPlaces,
  type KeyPlaces,
  keyPlacesOf,
} from '../../../src/compiler/materializations/key-places';
import { parseModelConfig, type TrackedConfig } from '../../../src/compiler/materializations/model-config';
import { scd2Versions } from '../../../src/compiler/materializations/scd2';

const target = { schema: 'gold', name: 'things' };

const incremental = parseModelConfig('gold.things', {
  materialized: 'incremental',
  unique_key: 'id',
  load_order: ['_batch_id', '_row_number'],
  partition_by: { field: 'at' },
  indexes: [{ columns: ['at', 'id'] }],
}) as TrackedConfig;

const dimension = {
  materialized: 'scd2',
  unique_key: ['id'],
  updated_at: 'updated_at',
  starts_at: 'created_at',
  type_2: ['plan'],
  type_1: ['email'],
  type_0: ['created_at'],
  surrogate_key: 'sk',
};
type Scd2 = Extract<TrackedConfig, { materialized: 'scd2' }>;
const scd2 = parseModelConfig('gold.things', dimension) as Scd2;
const mortal = parseModelConfig('gold.things', { ...dimension, tombstone: 'is_deleted' }) as Scd2;

const delta: DeltaInput = {
  target,
  columns: ['id', 'at', 'n', '_batch_id', '_row_number'],
  key: ['id'],
  loadOrder: ['_batch_id', '_row_number'],
  hasGone: true,
  partitionField: undefined,
};

const refreshed: Refreshed = {
  table: target,
  columns: ['id', 'at', 'n', '_batch_id'],
  key: ['id', 'at'],
  isUniqueOtherwise: false,
  from: STAGED,
};

const places = keyPlacesOf(target, incremental) as KeyPlaces;
const partitioned: DeltaInput = { ...delta, hasGone: false, partitionField: places.field, places };

const statements: Record<string, readonly string[]> = {
  'stage-merge': [
    createStaged(stagedRows('select 1 as id;\n-- the end', 'n = 0')),
    ...keepNewest(['id'], ['_batch_id', '_row_number']),
  ],
  'refresh-in-place': [
    findDifference(refreshed),
    ...writeDifference(refreshed),
    ...writeDifference({ ...refreshed, isUniqueOtherwise: true }),
    findDifference({ ...refreshed, columns: refreshed.key }),
    ...writeDifference({ ...refreshed, columns: refreshed.key }),
  ],
  'compare-load-order': compareStaged(delta),
  'compare-backfill': compareStaged({ ...delta, hasGone: false, backfill: true }),
  'compare-without-load-order': compareStaged({ ...delta, loadOrder: undefined }),
  'compare-scope': compareStaged({
    target,
    columns: ['month', 'revenue'],
    key: ['month'],
    partitionField: undefined,
    scope: `t."month" = any ('{2024-01-01}'::date[])`,
  }),
  'apply-delta': [feedDelta(delta, 7n), ...applyDelta(delta).map((a) => a.sql)],
  'apply-delta-unique-otherwise': applyDelta({ ...delta, isUniqueOtherwise: true }).map((a) => a.sql),
  'compare-partitioned': [...compareStaged(partitioned), countDelta(partitioned)],
  'compare-probing': compareStaged({ ...delta, lookup: 'probe' }),
  'compare-probing-partitioned': compareStaged({ ...partitioned, lookup: 'probe' }),
  'apply-delta-partitioned': [
    feedDelta(partitioned, 7n),
    ...[...applyToKeyPlaces(places), ...applyDelta(partitioned)].map((a) => a.sql),
  ],
  'create-key-places': createKeyPlaces(places, '"gold"."things"'),
  'create-feed': createFeed(target, target),
  'scd2-versions': [scd2Versions(scd2, ['id', 'plan', 'email', 'created_at', 'updated_at'])],
  'scd2-versions-with-tombstones': [
    scd2Versions(mortal, ['id', 'plan', 'email', 'created_at', 'updated_at', 'is_deleted']),
  ],
  'constraints-partitioned': tableConstraints(target, incremental, ''),
  'constraints-scd2': tableConstraints(target, scd2, 'timestamp with time zone'),
};

const golden = join(__dirname, '..', '..', 'fixtures', 'golden');

/** To accept a change: `UPDATE_GOLDEN=1 npx jest golden`, then read the difference. */
test.each(Object.keys(statements))('the SQL of %s is as agreed', async (name) => {
  const file = join(golden, `${name}.sql`);
  const text = `${(statements[name] ?? []).join(';\n\n')};\n`;
  if (process.env.UPDATE_GOLDEN === '1') {
    const { mkdirSync, writeFileSync } = await import('node:fs');
    mkdirSync(golden, { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
});

test('a config that a materialization cannot take names the model and the setting', () => {
  expect(() => parseModelConfig('gold.things', { materialized: 'incremental' })).toThrow(
    /gold\.things.*unique_key/,
  );
  expect(() => parseModelConfig('gold.things', { materialized: 'magic' })).toThrow(
    /gold\.things.*materialized/,
  );
});

test('a setting that strata does not know is refused: it could be a misspelled one', () => {
  expect(() =>
    parseModelConfig('gold.things', { materialized: 'incremental', unique_key: 'id', load_ordr: 'n' }),
  ).toThrow(/gold\.things.*load_ordr/);
  expect(() =>
    parseModelConfig('gold.things', { materialized: 'view', meta: { mine: 1 }, tags: ['x'] }),
  ).not.toThrow();
});

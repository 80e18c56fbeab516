import { randomUUID } from 'node:crypto';
import { analyzeStale } from '../../../src/db/analyze-stale';
import { LOADER_HISTORIES, RUN_HISTORIES, trimHistories } from '../../../src/db/trim-histories';
import { newestFreshness } from '../../../src/db/freshness-results';
import { Shop } from '../../support/shop';
import { waitFor } from '../../support/wait-for';

let shop: Shop;
beforeAll(async () => {
  shop = await Shop.open();
});
afterAll(() => shop.close());

const trim = (days = 90, rowsAtOnce = 1_000) =>
  trimHistories(shop.pool, RUN_HISTORIES, { days, suspendAfter: 3, rowsAtOnce });
const count = async (from: string): Promise<unknown> =>
  (await shop.select(`select count(*)::int as n from ${from}`))[0]?.['n'];

const insertCheck = (source: string, daysAgo: number): Promise<void> =>
  shop.execute(`insert into ops.freshness_result (check_id, source_id, source, status, diagnosis, message, as_of, checked_at)
    values ('${randomUUID()}', '${source}', '${source}', 'pass', 'fresh', '', now() - interval '${daysAgo} days',
      now() - interval '${daysAgo} days')`);

test('of the checks of each source the newest stays, however old it is', async () => {
  for (const days of [400, 200, 100, 80, 1]) await insertCheck('busy', days);
  for (const days of [400, 200]) await insertCheck('quiet', days);
  const before = await newestFreshness(shop.pool);
  expect((await trim()).removed['ops.freshness_result']).toBe(4);
  expect(await newestFreshness(shop.pool)).toEqual(before);
  expect((await trim()).removed['ops.freshness_result']).toBe(0);
});

test('0 days: nothing is ever removed', async () => {
  await insertCheck('busy', 300);
  expect(await trim(0)).toEqual({ removed: {}, more: false });
});

test('a statement removes no more than its share, and says that there is more', async () => {
  for (const days of [150, 140, 130]) await insertCheck('busy', days);
  expect(await trim(90, 2)).toMatchObject({ removed: { 'ops.freshness_result': 2 }, more: true });
  expect(await trim(90, 50)).toMatchObject({ removed: { 'ops.freshness_result': 2 }, more: false });
});

const PLAN = `insert into ops.plan (plan_hash, project, manifest) values ('p', 'shop', '{}') on conflict do nothing`;
/** A run that ended so many days ago, with a result of model m. */
const insertRun = (
  id: string,
  daysAgo: number,
  { state = 'success', position = 0, node = 'm' }: { state?: string; position?: number; node?: string } = {},
): Promise<void> => {
  const at = `now() - interval '${daysAgo} days'`;
  return shop.execute(
    PLAN,
    `insert into ops.run (run_id, workflow_id, command, plan_hash, selected, state, started_at, finished_at)
      values ('${id}', 'w', 'run', 'p', 1, '${state}', ${at}, ${state === 'running' ? 'null' : at})`,
    `insert into ops.run_input (run_id, dataset, position) values ('${id}', 'orders', ${position})`,
    `insert into ops.model_run (run_id, node_id, label, kind, materialized, state, duration_ms, finished_at)
      values ('${id}', '${node}', 'l', 'model', 'table', '${state === 'failed' ? 'failed' : 'success'}', 1, ${at})`,
    `insert into ops.node_attempt (run_id, node_id, execution, attempt, delivery) values ('${id}', '${node}', '${id}', 1, 1)`,
  );
};

test('old runs go with their results; those that go on, the newest of each node, and the first that had a load stay', async () => {
  const warehouse = await shop.warehouse({});
  for (const position of [1, 2])
    await warehouse.loadAndPublish('orders', position, [{ id: 'x', n: position }]);
  await insertRun('first-with-1', 200, { position: 1 });
  await insertRun('again-with-1', 199, { position: 1 });
  await insertRun('failed-with-2', 198, { position: 2, state: 'failed' });
  await insertRun('first-with-2', 197, { position: 2 });
  await insertRun('goes-on', 196, { state: 'running' });
  await insertRun('of-a-rare-model', 195, { node: 'rare' });
  for (let i = 0; i < 50; i++) await insertRun(`later-${i}`, 10, { position: 2 });
  const lag = () => shop.select('select batch_id, run_id from ops.batch_lag order by batch_id');
  const before = await lag();
  expect(before.map((row) => row['run_id'])).toEqual(['first-with-1', 'first-with-2']);
  expect((await trim()).removed).toMatchObject({
    'ops.model_run': 4,
    'ops.node_attempt': 5,
    'ops.run': 2,
  });
  expect(await lag()).toEqual(before);
  expect(await shop.select("select run_id from ops.run where run_id not like 'later%' order by 1")).toEqual(
    ['first-with-1', 'first-with-2', 'goes-on', 'of-a-rare-model'].map((run_id) => ({ run_id })),
  );
  expect(await count('ops.model_run')).toBe(52);
  expect((await trim()).removed['ops.run']).toBe(0);
});

const insertIncident = (state: string, daysAgo: number): Promise<void> =>
  shop.execute(`with i as (
      insert into ops.incident (kind, subject, severity, state, summary, conditions, opened_at, last_seen_at, resolved_at)
      values ('failure', '${randomUUID()}', 'error', '${state}', 's', '[]', now(), now(),
        ${state === 'resolved' ? `now() - interval '${daysAgo} days'` : 'null'})
      returning incident_id
    )
    insert into ops.alert_delivery (incident_id, event, channel, message, state, finished_at)
    select incident_id, 'firing', 'webhook', '{}', 'delivered', now() - interval '${daysAgo} days' from i`);

test('incidents that were resolved long ago go with their messages; those that are open stay', async () => {
  await insertIncident('resolved', 100);
  await insertIncident('resolved', 10);
  await insertIncident('firing', 100);
  expect((await trim()).removed).toMatchObject({ 'ops.incident': 1, 'ops.alert_delivery': 1 });
  expect(await count('ops.incident')).toBe(2);
  expect(await count('ops.alert_delivery')).toBe(2);
});

test('of the suspensions of a node those that are open stay, and the one that was lifted last', async () => {
  const suspension = (lifted: number | null) =>
    shop.execute(`insert into ops.node_suspension (node_id, relation, run_id, failures, error_code, reason, definition, lifted_at, lifted_because)
      values ('n', 'r', 'x', 3, 'e', '', 'd', ${lifted === null ? 'null, null' : `now() - interval '${lifted} days', 'resumed'`})`);
  for (const lifted of [300, 200, 100, null]) await suspension(lifted);
  expect((await trim()).removed['ops.node_suspension']).toBe(2);
  expect(await count('ops.node_suspension')).toBe(2);
});

test('marks of chunks go once their load was published long ago', async () => {
  await shop.execute(
    `insert into ops.batch (batch_id, dataset, file, state) overriding system value
      values (101, 'orders', 'f', 'published'), (102, 'orders', 'f', 'loading')`,
    `insert into ops.load (batch_id, dataset, position, loaded_at)
      values (101, 'orders', 101, now() - interval '91 days'), (102, 'orders', null, null)`,
    `insert into ops.load_chunk (load_id, chunk_number, end_offset, end_line, end_row, rows_loaded, rows_rejected, committed_at)
      select load_id, 1, 1, 1, 1, 1, 0, now() - interval '100 days' from ops.load where batch_id > 100`,
  );
  const trimmed = await trimHistories(shop.pool, LOADER_HISTORIES, { days: 90, suspendAfter: 3 });
  expect(trimmed).toEqual({ removed: { 'ops.load_chunk': 1 }, more: false });
  expect(await count('ops.load_chunk')).toBe(1);
});

test('statistics are taken where they are out of date, of partitioned tables as a whole too, and only there', async () => {
  const signal = new AbortController().signal;
  await shop.execute(
    'create schema big',
    'create table big.parts (id int) partition by range (id)',
    'create table big.parts_1 partition of big.parts for values from (0) to (1000000)',
    'create table big.foreign (id int)',
    `insert into ops.relation (relation, node_id, materialized) values ('big.parts', 'n', 'incremental')`,
    'insert into big.parts select generate_series(1, 1000)',
    'insert into big.foreign select generate_series(1, 1000)',
  );
  // What a session has changed is counted a moment later.
  await waitFor(async () => (await analyzeStale(shop.pool, { signal })).includes('big.parts'));
  expect(
    await shop.select(`select reltuples::int as n from pg_class where oid = 'big.parts'::regclass`),
  ).toEqual([{ n: 1000 }]);
  await waitFor(async () => (await analyzeStale(shop.pool, { signal })).length === 0);
  expect(
    await shop.select(`select reltuples::int as n from pg_class where oid = 'big.foreign'::regclass`),
  ).toEqual([{ n: -1 }]);
  await shop.execute('update big.parts set id = id + 1 where id <= 300');
  await waitFor(async () => (await analyzeStale(shop.pool, { signal })).includes('big.parts'));
});

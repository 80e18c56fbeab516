import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withArchives } from '../../../src/activities/with-archives';
import { archiveStep, pruneArchives, restorePartitions } from '../../../src/archive';
import { createS3Access } from '../../../src/ingest';
import type { TransformInput, Verification } from '../../../src/wire/transform';
import { openSession } from '../../support/database';
import { Shop } from '../../support/shop';
import { waitFor } from '../../support/wait-for';

/** Of this one the model makes an amount that is no number. */
const NAN = 424_242;
const models = {
  m: `{{ config(materialized='incremental', unique_key='id', partition_by={'field': 'at'}) }}
select id, n, at, (case n when ${NAN} then 'NaN' else n / 7.0 end)::numeric(18,2) as amount, n / 3.0::float8 as ratio, nullif('ü "' || id, 'ü "k5') as note
from {{ source('plain', 'things') }} {% if is_incremental() %} where place = 1 {% endif %}`,
  sums: `{{ config(materialized='by_period', unique_key='month', period='month', period_column='month') }}
{% do affected_periods('select at from ' ~ changes(ref('m')) ~ ' as c') %}
select date_trunc('month', at at time zone 'UTC')::date as month, count(*) as rows, sum(amount) as amount
from {{ ref('m') }} where {{ in_affected_periods('at') }} group by 1`,
};
const relation = { schema: 'shop', name: 'm' };
const JANUARY = { partition: 'm_2023_01', from: '2023-01-01', to: '2023-02-01' };

let shop: Shop;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-archive-test-'));
  shop = await Shop.open();
  await shop.execute(`insert into things (id, n, at)
    select 'k' || i, i, timestamptz '2023-01-01Z' + i * interval '3 hours 1.000001 seconds' from generate_series(1, 700) as i`);
  await run();
});
afterEach(async () => {
  await shop.close();
  rmSync(folder, { recursive: true });
});

const signal = new AbortController().signal;
const deps = () => ({ pool: shop.pool, s3: createS3Access({}), archive: folder });
const run = async (transform: TransformInput = {}) =>
  (await shop.warehouse(models)).run(transform, (attempt) => withArchives(deps(), signal, attempt));
const step = () => archiveStep(deps(), { relation, ...JANUARY, readers: ['shop.sums'], signal });
const archive = async (): Promise<void> => {
  await waitFor(async () => (await step()) === 'archived');
};
const restore = () => restorePartitions(deps(), { relation, partitions: [JANUARY.partition], signal });

const one = async (query: string): Promise<unknown> => Object.values((await shop.select(query))[0] ?? {})[0];
const contents = (table = 'shop.m'): Promise<unknown> =>
  one(`select md5(string_agg(t::text, ',' order by t::text)) || ' of ' || count(*) from ${table} as t`);
const state = (): Promise<unknown> =>
  one('select state from ops.partition_archive order by archive_id desc limit 1');
const location = async (): Promise<string> =>
  String(await one('select location from ops.partition_archive order by archive_id desc limit 1'));
const marts = (): Promise<unknown> => contents('shop.sums');
const isTable = (name: string): Promise<unknown> => one(`select to_regclass('shop.${name}') is not null`);
/** As a computation from scratch gives them. */
const expectRight = async (): Promise<void> => {
  const rows =
    "select date_trunc('month', at at time zone 'UTC')::date as month, count(*) as rows, sum((n / 7.0)::numeric(18,2)) as amount from things group by 1";
  expect(await marts()).toBe(await contents(`(${rows})`));
};

test('a month leaves the database for a file that was read back; marts and keys stay; it comes back as it was', async () => {
  const before = [await contents(), await marts()];
  const january = await one("select count(*)::int from shop.m where at < '2023-02-01Z'");
  expect([await step(), await step(), await step()]).toEqual(['detached', 'written', 'verified']);
  expect(await isTable('m_2023_01')).toBe(true);
  expect(await step()).toBe('archived');
  expect(await step()).toBe('archived');
  expect(await isTable('m_2023_01')).toBe(false);
  expect(await one('select count(*)::int from shop.m')).toBe(700 - Number(january));
  expect(await marts()).toBe(before[1]);
  expect(await one('select count(*)::int from strata_keys."shop.m"')).toBe(700);
  const manifest = JSON.parse(
    readFileSync((await location()).replace('.parquet', '.manifest.json'), 'utf8'),
  ) as Record<string, unknown>;
  expect(manifest).toMatchObject({
    rows: january,
    from: '2023-01-01',
    to: '2023-02-01',
    partition: 'm_2023_01',
  });
  expect(await restore()).toEqual(['m_2023_01']);
  expect(await restore()).toEqual([]);
  expect([await contents(), await marts()]).toEqual(before);
  expect(await one("select tableoid::regclass::text from shop.m where id = 'k1'")).toBe('shop.m_2023_01');
});

describe('killed anywhere, nothing is lost', () => {
  const STEPS = ['entered', 'detaching', 'detached', 'written', 'verified', 'archived'];
  /** Brings the archive to where it was killed. */
  const killedAt = async (at: string): Promise<void> => {
    if (at === 'entered')
      return shop.execute(`insert into ops.partition_archive (relation, partition, month_from, month_to, state)
        values ('shop.m', 'm_2023_01', '2023-01-01', '2023-02-01', 'detaching')`);
    if (at === 'detaching') return killWhileDetaching();
    await waitFor(async () => (await step()) === at);
  };
  /** A reader is waited for; the session that waits is ended, and leaves the partition half out. */
  const killWhileDetaching = async (): Promise<void> => {
    const reader = await openSession(shop.url);
    await reader.query('begin');
    await reader.query('select count(*) from shop.m');
    const stepping = step().catch(() => 'killed');
    await waitFor(
      async () => (await shop.select('select from pg_inherits where inhdetachpending')).length > 0,
    );
    await shop.select(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'strata detach shop.m'",
    );
    expect(await stepping).toBe('killed');
    await reader.close();
    expect(await one('select count(*)::int from pg_inherits where inhdetachpending')).toBe(1);
  };

  test.each(STEPS)('at %s: it goes on there', async (at) => {
    const before = [await contents(), await marts()];
    await killedAt(at);
    await archive();
    expect(await marts()).toBe(before[1]);
    await restore();
    expect([await contents(), await marts()]).toEqual(before);
  });

  test.each(STEPS)('at %s: it can be brought back', async (at) => {
    const before = [await contents(), await marts()];
    await killedAt(at);
    expect(await restore()).toEqual(['m_2023_01']);
    expect([await contents(), await marts(), await state()]).toEqual([...before, 'restored']);
    await archive();
    expect(await restore()).toEqual(['m_2023_01']);
    expect(await contents()).toBe(before[0]);
  });

  test.each(STEPS)(
    'at %s: a correction and a late row find their month, and make no second fact',
    async (at) => {
      await killedAt(at);
      await shop.execute(
        "update things set place = 1, n = 7000 where id = 'k3'",
        "update things set place = 1, at = '2023-03-03Z' where id = 'k4'",
        "insert into things (id, n, at, place) values ('late', 1, '2023-01-31T23:59:59.999999Z', 1)",
      );
      await run();
      expect(await one('select count(*)::int from shop.m')).toBe(701);
      await expectRight();
      await archive();
      await expectRight();
      await run({ fullRefresh: true });
      await expectRight();
    },
  );
});

test('a full refresh leaves archived months alone where they are the same; who reads them all gets them back', async () => {
  const before = await marts();
  await archive();
  await run({ fullRefresh: true, select: ['m'] });
  expect([await state(), await isTable('m_2023_01')]).toEqual(['archived', false]);
  expect(await one('select count(*)::int from strata_keys."shop.m"')).toBe(700);
  await run();
  expect(await marts()).toBe(before);
});

const verify = async (): Promise<Record<string, Verification>> => (await shop.warehouse(models)).verify();

test('verification compares live months with the shadow, and archived ones with their manifest', async () => {
  await archive();
  expect(await verify()).toMatchObject({ 'shop.m': { equal: true }, 'shop.sums': { equal: true } });
  expect(await state()).toBe('archived');
  await shop.execute(
    `update ops.partition_archive set manifest = jsonb_set(manifest, '{columns,1,checksum}', '"1"')`,
  );
  const differing = await verify();
  expect(differing['shop.m']).toMatchObject({ equal: false, differences: [{ period: '2023-01' }] });
});

test('a month whose changes a reader has not consumed, or that somebody works at, waits', async () => {
  await shop.execute("update things set place = 1, n = 1 where id = 'k3'");
  await run({ select: ['m'] });
  expect(await step()).toBe('detaching');
  expect(await one("select count(*)::int from shop.m where at < '2023-02-01Z'")).toBeGreaterThan(0);
  await run({ select: ['sums'] });
  const worker = await openSession(shop.url);
  await worker.query("select pg_advisory_lock(hashtextextended('shop.sums', 0))");
  expect(await step()).toBe('detaching');
  await worker.close();
  await archive();
  await expectRight();
});

test('a file that is damaged is found before the month is dropped, and nothing is restored from one', async () => {
  const before = await contents();
  await waitFor(async () => (await step()) === 'written');
  const file = await location();
  const bytes = readFileSync(file);
  truncateSync(file, bytes.length - 9);
  await expect(step()).rejects.toThrow();
  expect(await isTable('m_2023_01')).toBe(true);
  writeFileSync(file, bytes);
  await archive();
  // Another month's rows under this one's name.
  await shop.execute("update ops.partition_archive set manifest = jsonb_set(manifest, '{rows}', '1')");
  await expect(restore()).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  expect([await isTable('m_2023_01'), await state()]).toEqual([false, 'archived']);
  await shop.execute(
    `update ops.partition_archive set manifest = jsonb_set(manifest, '{rows}', (select to_jsonb(count(*)) from things where at < '2023-02-01Z'))`,
  );
  await restore();
  expect(await contents()).toBe(before);
  expect(existsSync(file)).toBe(true);
});

test('who changes a detached month by hand has it written anew, not dropped', async () => {
  await waitFor(async () => (await step()) === 'verified');
  await shop.execute("update shop.m_2023_01 set n = 77777 where id = 'k3'");
  expect(await step()).toBe('detached');
  await archive();
  await restore();
  expect(await one("select n from shop.m where id = 'k3'")).toBe(77777);
});

test('files are deleted when it is asked for, and only where their month is live or archived anew', async () => {
  const prune = () => pruneArchives(deps(), { relation, signal });
  const manifestOf = (file: string) => file.replace('.parquet', '.manifest.json');
  const rows = await contents();
  await archive();
  const first = await location();
  expect([await prune(), existsSync(first)]).toEqual([[], true]);
  await restore();
  await archive();
  const second = await location();
  expect(await prune()).toEqual([first]);
  expect([first, manifestOf(first), second].map(existsSync)).toEqual([false, false, true]);
  await restore();
  // A file that is gone already: killed before that was noted.
  rmSync(second);
  expect([await prune(), await prune()]).toEqual([[second], []]);
  expect([existsSync(manifestOf(second)), await contents()]).toEqual([false, rows]);
});

test('a file that was written when something came in between before that was noted is known, and is deleted', async () => {
  const rows = await contents();
  await waitFor(async () => (await step()) === 'detached');
  await shop.execute(
    `create function refuse() returns trigger language plpgsql as
      $$ begin if new.state = 'written' then raise 'not now'; end if; return new; end $$`,
    'create trigger refuse before update on ops.partition_archive for each row execute function refuse()',
  );
  await expect(step()).rejects.toThrow('not now');
  const file = await location();
  expect([await contents(), await state(), existsSync(file)]).toEqual([rows, 'restored', true]);
  await shop.execute('drop trigger refuse on ops.partition_archive');
  writeFileSync(`${file}.killed.partial`, '');
  expect(await pruneArchives(deps(), { relation, signal })).toEqual([file]);
  expect(readdirSync(join(folder, 'shop.m'))).toEqual([]);
});

test('what killed tries left of a file goes when the file is there', async () => {
  await waitFor(async () => (await step()) === 'detached');
  const name = `m_2023_01.${String(await one('select archive_id from ops.partition_archive'))}.parquet`;
  mkdirSync(join(folder, 'shop.m'));
  writeFileSync(join(folder, 'shop.m', `${name}.killed.partial`), '');
  await archive();
  expect(readdirSync(join(folder, 'shop.m')).sort()).toEqual([
    name.replace('.parquet', '.manifest.json'),
    name,
  ]);
});

test('a worker that another one has overtaken brings nothing back when it fails', async () => {
  await waitFor(async () => (await step()) === 'detached');
  const inTheWay = await openSession(shop.url);
  await inTheWay.query('begin');
  await inTheWay.query('lock table shop.m_2023_01');
  const overtaken = step();
  const waiting =
    "from pg_locks where not granted and relation = 'shop.m_2023_01'::regclass and database = (select oid from pg_database where datname = current_database())";
  await waitFor(async () => (await shop.select(`select ${waiting}`)).length > 0);
  await shop.execute("update ops.partition_archive set state = 'verified'");
  await shop.select(`select pg_terminate_backend(pid) ${waiting}`);
  await inTheWay.close();
  await expect(overtaken).rejects.toThrow();
  expect(await state()).toBe('verified');
});

describe('what no file can hold', () => {
  const UNFIT: [string, string[]][] = [
    ['NaN in a decimal', ["update shop.m set amount = 'NaN' where id = 'k3'"]],
    [
      'an infinite time',
      ['alter table shop.m add seen timestamptz', "update shop.m set seen = 'infinity' where id = 'k3'"],
    ],
    [
      'an infinite date',
      ['alter table shop.m add day date', "update shop.m set day = '-infinity' where id = 'k3'"],
    ],
    [
      'a time beyond microseconds',
      ['alter table shop.m add seen timestamp', "update shop.m set seen = '294270-01-01' where id = 'k3'"],
    ],
  ];
  test.each(UNFIT)(
    '%s: the month is never taken out, and is archived when it is mended',
    async (_, statements) => {
      await shop.execute(...statements);
      const before = await contents();
      await expect(step()).rejects.toMatchObject({ code: 'ARCHIVE_UNFIT' });
      expect([await contents(), await state()]).toEqual([before, undefined]);
      await shop.execute("update shop.m set (amount, note) = (1, 'mended') where id = 'k3'");
      await shop.execute('alter table shop.m drop column if exists seen, drop column if exists day');
      await archive();
      await restore();
      expect(await one("select note from shop.m where id = 'k3'")).toBe('mended');
    },
  );

  test('one that was on its way to be taken out is not any more', async () => {
    await shop.execute(`insert into ops.partition_archive (relation, partition, month_from, month_to, state)
      values ('shop.m', 'm_2023_01', '2023-01-01', '2023-02-01', 'detaching')`);
    await shop.execute("update shop.m set amount = 'NaN' where id = 'k3'");
    await expect(step()).rejects.toMatchObject({ code: 'ARCHIVE_UNFIT' });
    expect(await state()).toBe('restored');
  });

  test('a row that somebody makes so in a month that is out brings the month back', async () => {
    await waitFor(async () => (await step()) === 'detached');
    await shop.execute("update shop.m_2023_01 set amount = 'NaN' where id = 'k3'");
    const rows = await contents('(select * from shop.m union all select * from shop.m_2023_01)');
    await expect(step()).rejects.toThrow();
    expect([await contents(), await state()]).toEqual([rows, 'restored']);
    await expect(step()).rejects.toMatchObject({ code: 'ARCHIVE_UNFIT' });
  });

  test('an archived month that the rows say something of now that no file can hold comes back', async () => {
    await archive();
    await shop.execute(`update things set n = ${NAN} where id = 'k3'`);
    await run({ fullRefresh: true });
    expect(await state()).toBe('restored');
    expect(await one("select amount::text from shop.m where id = 'k3'")).toBe('NaN');
  });
});

test('where the file can not be written the month is live again, and where there is no place it never goes out', async () => {
  const before = await contents();
  const nowhere = () =>
    archiveStep({ ...deps(), archive: undefined }, { relation, ...JANUARY, readers: ['shop.sums'], signal });
  await expect(nowhere()).rejects.toMatchObject({ code: 'ARCHIVE_UNSET' });
  expect([await contents(), await state()]).toEqual([before, undefined]);
  // A file is where the archive's folder is to be.
  writeFileSync(join(folder, 'shop.m'), '');
  expect(await step()).toBe('detached');
  await expect(step()).rejects.toThrow();
  expect([await contents(), await state()]).toEqual([before, 'restored']);
  rmSync(join(folder, 'shop.m'));
  await archive();
  await restore();
  expect(await contents()).toBe(before);
});

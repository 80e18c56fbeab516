import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, openSession, type Session, type TestDatabase } from '../support/database';
import { customer, transaction } from '../support/echo-rows';
import type { LoadStep } from '../support/histories/history';
import { readArchive } from '../support/read-archive';
import { waitFor } from '../support/wait-for';
import { EchoSource } from './echo-source';
import {
  type CommandResult,
  type Env,
  requireBuild,
  type RunningCommand,
  serversOf,
  startStrata,
  strata,
} from './strata';

/** Some groups of rows of a file: it takes a while to write. */
const JANUARY_ROWS = 60_000;
/** Any number will do: who asks for this lock waits. */
const HELD_STATE = 7_301_144;
const MARTS = ['mart_revenue_monthly', 'mart_revenue_daily', 'mart_mrr_monthly', 'mart_kpis_monthly'];

const source = new EchoSource();
const archive = mkdtempSync(join(tmpdir(), 'strata-cold-'));
const workers: RunningCommand[] = [];
let database: TestDatabase;
let env: Env;
let watch: Session;
let gate: Session;

beforeAll(async () => {
  requireBuild();
  database = await createTestDatabase({ template: 'migrated' });
  env = { ...serversOf(database.url), STRATA_ARCHIVE: archive };
  watch = await openSession(database.url);
  gate = await openSession(database.url);
  await startWorker();
  const step: LoadStep[] = [
    {
      kind: 'load',
      dataset: 'customers',
      rows: [customer('c1', '2023-06-01'), customer('c2', '2023-06-01')],
    },
    {
      kind: 'load',
      dataset: 'transactions',
      rows: [
        ...Array.from({ length: JANUARY_ROWS }, (_, i) =>
          transaction(
            `j${i}`,
            i % 2 === 0 ? 'c1' : 'c2',
            `2024-01-${String(1 + (i % 31)).padStart(2, '0')}`,
            {
              amount: BigInt(100 + (i % 7_919)),
            },
          ),
        ),
        transaction('f1', 'c1', '2024-02-10'),
        transaction('m1', 'c1', '2024-03-10'),
        transaction('m2', 'c2', '2024-03-31T23:59:59.999Z'),
      ],
    },
  ];
  for (const load of step) await expectDone(['ingest', load.dataset, source.write(load)]);
  // Says when a state is about to be noted, and waits there.
  await watch.query(`
    create table public.held_state (state text);
    create function public.hold_state() returns trigger language plpgsql security definer as $$
    begin
      if new.state in (select state from public.held_state)
      then perform pg_advisory_xact_lock(${HELD_STATE}); end if;
      return new;
    end $$;
    create trigger hold_state before update on ops.partition_archive
    for each row execute function public.hold_state()`);
}, 180_000);

afterAll(async () => {
  await gate.close();
  for (const worker of workers) await worker.stop();
  await watch.close();
  await database.drop();
  source.remove();
  rmSync(archive, { recursive: true });
});

const startWorker = async (): Promise<RunningCommand> => {
  const worker = startStrata(['worker'], env);
  workers.push(worker);
  await worker.prints('worker for warehouse');
  return worker;
};

const expectDone = async (args: readonly string[]): Promise<CommandResult> => {
  const result = await strata(args, env);
  expect({ args, ...result }).toMatchObject({ code: 0, stderr: '' });
  return result;
};

const one = async (query: string): Promise<unknown> => Object.values((await watch.query(query))[0] ?? {})[0];

/** Facts as text, by key: those that are live. */
const live = async (): Promise<string[]> => {
  const rows = await watch.query(`
    select to_jsonb(array[transaction_id, customer_id, customer_sk::text, status, segment, plan_type, transaction_type,
      to_char(transaction_date at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), amount::text])::text as fact
    from gold.fct_transactions`);
  return rows.map((row) => JSON.stringify(JSON.parse(String(row['fact'])))).sort();
};

/** The same of what is archived. */
const archived = async (): Promise<string[]> =>
  (await readArchive(archive, 'gold.fct_transactions'))
    .map((r) =>
      JSON.stringify([
        ...[
          r['transaction_id'],
          r['customer_id'],
          r['customer_sk'],
          r['status'],
          r['segment'],
          r['plan_type'],
        ],
        ...[r['transaction_type'], (r['transaction_date'] as Date).toISOString()],
        (r['amount'] as number).toFixed(2),
      ]),
    )
    .sort();

const marts = async (): Promise<unknown[]> => {
  const texts: unknown[] = [];
  for (const mart of MARTS)
    texts.push(await one(`select string_agg(t::text, ';' order by t::text) from platinum.${mart} as t`));
  return texts;
};

const state = (): Promise<unknown> =>
  one('select state from ops.partition_archive order by archive_id desc limit 1');

/** Kills the worker, and starts another one, when something is seen; `meanwhile` before the other one starts. */
const killWhen = async (seen: () => Promise<boolean>, what: string): Promise<void> => {
  const worker = workers.pop();
  await waitFor(seen, { timeoutMs: 90_000, intervalMs: 5, what });
  worker?.signal('SIGKILL');
  await worker?.stop();
};

/** A session that is about to note that the archive has come to a state. */
const isHeld = async (): Promise<boolean> =>
  (
    await watch.query(`select from pg_locks where locktype = 'advisory' and objid = ${HELD_STATE} and not granted
      and database = (select oid from pg_database where datname = current_database())`)
  ).length > 0;

const hold = async (at: string): Promise<void> => {
  await gate.query(`select pg_advisory_lock(${HELD_STATE})`);
  await gate.query(`truncate public.held_state; insert into public.held_state values ('${at}')`);
};
const release = async (): Promise<void> => {
  await gate.query('truncate public.held_state');
  await gate.query(`select pg_advisory_unlock(${HELD_STATE})`);
};
const killWhenItNotes = async (at: string): Promise<void> => {
  await hold(at);
  await startWorker();
  await killWhen(isHeld, `the archive to be ${at}`);
  await release();
  await waitFor(async () => !(await isHeld()));
};

test('a worker that is killed while it writes the file, when the file is there, and while it drops the month loses nothing', async () => {
  const before = await live();
  const martsBefore = await marts();
  expect(before).toHaveLength(JANUARY_ROWS + 3);
  const command = strata(['partitions', 'archive', 'fct_transactions', '--before', '2024-03', '--json'], env);

  await killWhen(
    async () =>
      (
        await watch.query(`select from pg_stat_activity where datname = current_database()
          and state = 'idle in transaction' and query like 'fetch % from _strata_rows%'`)
      ).length > 0,
    'a file that is being written',
  );
  expect(await state()).toBe('detached');
  await killWhenItNotes('written');
  expect(await state()).toBe('detached');
  await killWhenItNotes('archived');
  expect(await state()).toBe('verified');
  expect(await one('select count(*)::int from gold.fct_transactions_2024_01')).toBe(JANUARY_ROWS);

  await startWorker();
  const { code, stdout } = await command;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    partitions: [
      { relation: 'gold.fct_transactions', partition: 'fct_transactions_2024_01', state: 'archived' },
      { relation: 'gold.fct_transactions', partition: 'fct_transactions_2024_02', state: 'archived' },
    ],
    more: false,
  });
  const [hot, cold] = [await live(), await archived()];
  expect([hot.length, cold.length]).toEqual([2, JANUARY_ROWS + 1]);
  expect([...hot, ...cold].sort()).toEqual(before);
  expect(await marts()).toEqual(martsBefore);
  expect(
    readdirSync(join(archive, 'gold.fct_transactions')).filter((name) => name.includes('partial')),
  ).toEqual([]);
  await expectDone(['verify']);
}, 300_000);

test('archive, list and restore: what they say, and that a month comes back as it was', async () => {
  const both = [...(await live()), ...(await archived())].sort();
  const nothing = await expectDone(['partitions', 'archive', 'fct_transactions', '--before', '2024-03']);
  expect(nothing.stdout).toBe('nothing to archive\n');
  const listed = JSON.parse((await expectDone(['partitions', 'list', '--json'])).stdout) as {
    partitions: Record<string, unknown>[];
  };
  const january = listed.partitions.find((p) => p['partition'] === 'fct_transactions_2024_01');
  expect(january).toMatchObject({
    state: 'archived',
    rows: JANUARY_ROWS,
    from: '2024-01-01',
    to: '2024-02-01',
  });
  expect(existsSync(String(january?.['location']))).toBe(true);

  const restored = await expectDone(['partitions', 'restore', 'fct_transactions', '2024-01', '2024-02']);
  expect(restored.stdout).toBe('fct_transactions_2024_01 is back\nfct_transactions_2024_02 is back\n');
  expect(await live()).toEqual(both);

  const again = await strata(['partitions', 'restore', 'fct_transactions', '2024-01'], env);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain('gold.fct_transactions has no archive of 2024-01');
  const unknown = await strata(['partitions', 'archive', 'nobody'], env);
  expect(unknown).toMatchObject({ code: 1, stdout: '' });
  expect(unknown.stderr).toContain('PARTITIONS_NONE');
  expect(await strata(['partitions', 'archive', '--before', '2024-03'], env)).toMatchObject({ code: 2 });
  expect(await strata(['partitions', 'restore', 'fct_transactions', '2024-13'], env)).toMatchObject({
    code: 2,
  });

  const next = await expectDone(['partitions', 'archive', 'fct_transactions', '--before', '2024-02']);
  expect(next.stdout).toMatch(/gold\.fct_transactions +fct_transactions_2024_01 +archived/);
  expect(await live()).toHaveLength(3);

  // January's first file, and February's, whose month is live; January's second one counts.
  const pruned = JSON.parse((await strata(['partitions', 'prune', '--json'], env)).stdout) as {
    removed: string[];
  };
  expect(pruned.removed.map((path) => existsSync(path))).toEqual([false, false]);
  expect(await archived()).toHaveLength(JANUARY_ROWS);
  expect((await expectDone(['partitions', 'prune'])).stdout).toBe('no file to delete\n');
}, 180_000);

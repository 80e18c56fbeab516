import { randomUUID } from 'node:crypto';
import type { ScheduleUpdateOptions } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { pino } from 'pino';
import { main } from '../../src/cli/main';
import { parseSchedules } from '../../src/compiler/schedules';
import { loadConfig } from '../../src/config';
import { isStrataError } from '../../src/domain/errors';
import { PRIORITY } from '../../src/domain/priority';
import { succeededWorkflow } from '../../src/domain/workflow-findings';
import { applySchedules } from '../../src/temporal/apply-schedules';
import {
  backfillSchedule,
  listSchedules,
  setPaused,
  triggerSchedule,
} from '../../src/temporal/operate-schedules';
import type { Condition } from '../../src/wire/alerts';
import type { ArchiveNextInput } from '../../src/wire/archive';
import {
  alertWorkflowId,
  pipelineWorkflowId,
  scheduleId,
  transformWorkflowId,
  WORKFLOW,
} from '../../src/wire/names';
import type { CheckFreshnessInput } from '../../src/wire/freshness';
import type { TransformInput } from '../../src/wire/transform';
import { type StartedWorker, startWorker } from '../../src/worker';
import {
  createTestDatabase,
  openSession,
  type Session,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { waitFor } from '../support/wait-for';
import { createGate, failureOf, openWorkflowBench, type WorkflowBench } from './workflow-worker';

let bench: WorkflowBench;
const made: string[] = [];
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(async () => {
  for (const id of made)
    await bench.client.schedule
      .getHandle(id)
      .delete()
      .catch(() => undefined);
  await bench.close();
});

type Declared = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const declare = (schedules: Declared) =>
  parseSchedules({ path: 'schedules.yml', text: JSON.stringify({ schedules }, null, 1) });

/** A warehouse that nobody serves, unless a test does. */
const openWarehouse = (warehouse = `schedules-${randomUUID()}`) => {
  const target = { warehouse };
  return {
    warehouse,
    apply: async (schedules: Declared, keep: readonly string[] = []) => {
      made.push(...Object.keys(schedules).map((name) => scheduleId(warehouse, name)));
      const applied = await applySchedules(bench.client, declare(schedules), target, { keep });
      return Object.fromEntries(applied.map(({ name, change }) => [name, change]));
    },
    list: (schedules: Declared) => listSchedules(bench.client, declare(schedules), target),
    describe: (name: string) => bench.client.schedule.getHandle(scheduleId(warehouse, name)).describe(),
  };
};

const NEVER = { cron: '0 0 1 1 *' };
const A = { kind: 'maintenance', ...NEVER };
const B = { kind: 'run', every: '30d', full_refresh: true };

const errorOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (isStrataError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'none';
};

test('applied twice it changes nothing; what is declared otherwise is updated, what is declared no more is deleted', async () => {
  const { apply, describe, list, warehouse } = openWarehouse();
  expect(await apply({ a: A, b: B })).toEqual({ a: 'created', b: 'created' });
  expect(await apply({ a: A, b: B })).toEqual({ a: 'unchanged', b: 'unchanged' });
  expect((await describe('b')).policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 6 * 3_600_000 });
  expect(await apply({ a: A, b: { ...B, overlap: 'buffer_one' } })).toEqual({ a: 'unchanged', b: 'updated' });
  expect((await describe('b')).policies.overlap).toBe('BUFFER_ONE');
  expect((await list({ a: A, b: B, c: A })).map(({ name, standing }) => [name, standing])).toEqual([
    ['a', 'applied'],
    ['b', 'changed'],
    ['c', 'missing'],
  ]);
  // Declared, but not for where the command runs: it stays, once Temporal's list, a moment behind, has it.
  const isListed = async (): Promise<boolean> => {
    for await (const { scheduleId: id } of bench.client.schedule.list())
      if (id === scheduleId(warehouse, 'b')) return true;
    return false;
  };
  await waitFor(isListed);
  expect(await apply({ a: A }, ['b'])).toEqual({ a: 'unchanged' });
  const changes = await waitFor(async () => {
    const applied = await apply({ a: A });
    return Object.keys(applied).includes('b') && applied;
  });
  expect(changes).toEqual({ a: 'unchanged', b: 'deleted' });
  await expect(describe('b')).rejects.toThrow();
  expect((await describe('a')).action).toMatchObject({
    workflowType: 'maintenance',
    taskQueue: warehouse,
    workflowId: `${warehouse}/schedule/a`,
  });
}, 60_000);

test('what somebody has changed elsewhere is said, and made as declared again', async () => {
  const { apply, describe, list, warehouse } = openWarehouse();
  await apply({ a: A, b: B });
  const handle = bench.client.schedule.getHandle(scheduleId(warehouse, 'a'));
  const standings = async () => (await list({ a: A, b: B })).map(({ standing }) => standing);
  const changes: Partial<ScheduleUpdateOptions>[] = [
    { spec: { cronExpressions: ['0 0 2 1 *'] } },
    { policies: { overlap: 'ALLOW_ALL', catchupWindow: '1m' } },
  ];
  const before = await describe('a');
  for (const change of changes) {
    // As the Web UI and the CLI do: all else, the memo too, stays as it is.
    await handle.update((there) => ({ ...there, ...change }));
    expect(await standings()).toEqual(['changed elsewhere', 'applied']);
    expect(await apply({ a: A, b: B })).toEqual({ a: 'updated', b: 'unchanged' });
    expect(await standings()).toEqual(['applied', 'applied']);
  }
  await handle.update(({ action, ...there }) => ({
    ...there,
    action: { ...action, args: [{ idleMinutes: 1 }] },
  }));
  expect(await applySchedules(bench.client, declare({ a: A, b: B }), { warehouse })).toEqual([
    { name: 'a', change: 'updated', changedElsewhere: true },
    { name: 'b', change: 'unchanged' },
  ]);
  const { spec, policies, action } = await describe('a');
  expect([spec, policies, action.args]).toEqual([before.spec, before.policies, before.action.args]);
});

test('of an apply that fails is known what was done before', async () => {
  const { apply, warehouse } = openWarehouse();
  await apply({});
  made.push(scheduleId(warehouse, 'a'));
  const done: unknown[] = [];
  const failing = applySchedules(
    bench.client,
    declare({ a: A, b: { kind: 'run', cron: 'every day' } }),
    { warehouse },
    { onApplied: (applied) => done.push(applied) },
  );
  expect(await errorOf(failing)).toMatch(/^PROJECT_INVALID/);
  expect(done).toEqual([{ name: 'a', change: 'created' }]);
});

test('what somebody has paused stays paused over an apply, until the file says something new about it', async () => {
  const { apply, describe, warehouse } = openWarehouse();
  await apply({ a: A });
  expect(await setPaused(bench.client, { warehouse, name: 'a', paused: true, note: 'holidays' })).toBe(true);
  expect(await setPaused(bench.client, { warehouse, name: 'a', paused: true, note: 'again' })).toBe(false);
  expect(await apply({ a: { ...A, jitter: '1m' } })).toEqual({ a: 'updated' });
  expect((await describe('a')).state).toMatchObject({ paused: true, note: 'holidays' });
  await setPaused(bench.client, { warehouse, name: 'a', paused: false, note: 'back' });
  expect(await apply({ a: { ...A, paused: true } })).toEqual({ a: 'updated' });
  expect((await describe('a')).state.paused).toBe(true);
  // Resumed by hand, though declared as paused.
  await setPaused(bench.client, { warehouse, name: 'a', paused: false, note: 'now' });
  await apply({ a: { ...A, paused: true, jitter: '2m' } });
  expect((await describe('a')).state.paused).toBe(false);
});

test("others' schedules are neither changed nor deleted, whatever they are called", async () => {
  const { apply, warehouse } = openWarehouse();
  const foreign = async (id: string) => {
    made.push(id);
    await bench.client.schedule.create({
      scheduleId: id,
      spec: { cronExpressions: ['0 0 1 1 *'] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other', workflowId: 'other' },
    });
    return async () => (await bench.client.schedule.getHandle(id).describe()).action.workflowType;
  };
  const inTheWay = await foreign(scheduleId(warehouse, 'a'));
  const besides = await foreign(scheduleId(warehouse, 'besides'));
  expect(await errorOf(apply({ a: A }))).toMatch(
    /^SCHEDULE_TAKEN schedules\.yml:3: \S+\/schedule\/a was made by/,
  );
  expect(await apply({ b: B })).toEqual({ b: 'created' });
  expect(await errorOf(triggerSchedule(bench.client, { warehouse, name: 'besides' }))).toMatch(
    /^SCHEDULE_UNKNOWN/,
  );
  await waitFor(async () => {
    for await (const { scheduleId: id } of bench.client.schedule.list())
      if (id === scheduleId(warehouse, 'besides')) return true;
    return false;
  });
  expect(await apply({ b: B })).toEqual({ b: 'unchanged' });
  expect([await inTheWay(), await besides()]).toEqual(['other', 'other']);
});

test('a cron expression that Temporal refuses is named by file and line', async () => {
  const { apply } = openWarehouse();
  expect(await errorOf(apply({ a: { kind: 'run', cron: 'every day' } }))).toMatch(
    /^PROJECT_INVALID schedules\.yml:3: schedules\.a: Temporal refuses it: \S+/,
  );
});

test('a schedule that is triggered starts what it is for, and shows it', async () => {
  const asked: CheckFreshnessInput[] = [];
  const { taskQueue } = await bench.start({
    checkFreshness: (input) => {
      asked.push(input);
      const asOf = '2026-01-01T00:00:00Z';
      const check = {
        checkId: 'c',
        asOf,
        isLive: true,
        status: 'pass' as const,
        sources: [],
        conditions: [],
      };
      return Promise.resolve({ ...check, databaseUuid: 'db', warehouse: 'w', searchAttributes: false });
    },
  });
  const { apply, list, warehouse } = openWarehouse(taskQueue);
  const schedules = { fresh: { kind: 'freshness', every: '365d', select: ['source:raw'] } };
  await apply(schedules);
  await triggerSchedule(bench.client, { warehouse, name: 'fresh' });
  const [listed] = await waitFor(async () => {
    const all = await list(schedules);
    return all[0]?.recent.length === 1 && all;
  });
  const workflowId = listed?.recent[0]?.workflowId ?? '';
  expect(workflowId).toMatch(/\/schedule\/fresh-\d{4}-\d\d-\d\dT/);
  expect(await bench.client.workflow.getHandle(workflowId).result()).toMatchObject({ status: 'pass' });
  expect(asked).toEqual([{ select: ['source:raw'], schedule: 'fresh' }]);
});

/** Made elsewhere, with whatever input. */
const createScheduled = async (taskQueue: string, name: string, workflowType: string, input: unknown) => {
  const id = scheduleId(taskQueue, name);
  made.push(id);
  const action = { type: 'startWorkflow', workflowType, taskQueue, workflowId: id, args: [input] } as const;
  await bench.client.schedule.create({
    scheduleId: id,
    spec: { cronExpressions: ['0 0 1 1 *'] },
    action,
    state: { triggerImmediately: true },
  });
};

test('a wrong input is told of where a schedule gives it, by its name; who gives it by hand sees it himself', async () => {
  const told: Condition[] = [];
  const { taskQueue } = await bench.start({
    raiseAlerts: async ({ conditions }) => void told.push(...conditions),
  });
  const types = [
    WORKFLOW.freshness,
    WORKFLOW.inbox,
    WORKFLOW.maintenance,
    WORKFLOW.verify,
    WORKFLOW.archivePartitions,
    WORKFLOW.scheduledRun,
  ];
  const wrong = { nonsense: 1 };
  for (const type of types) {
    const byHand = { taskQueue, workflowId: randomUUID(), args: [wrong] };
    expect(await failureOf(bench.client.workflow.execute(type, byHand))).toMatchObject({
      type: 'INPUT_INVALID',
    });
  }
  expect(told).toEqual([]);
  for (const type of types) await createScheduled(taskQueue, `of-${type.toLowerCase()}`, type, wrong);
  await waitFor(() => told.length >= types.length, { timeoutMs: 60_000 });
  expect(told.map(({ subject }) => subject).sort()).toEqual(
    types.map((type) => `workflow ${type} of schedule of-${type.toLowerCase()}`).sort(),
  );
  for (const { state, summary } of told)
    expect([state, summary]).toEqual(['firing', expect.stringMatching(/ failed: INPUT_INVALID: .*nonsense/)]);
}, 90_000);

test("a selection that chooses nothing is a schedule's mistake: it is told of, and only at the end that it is right again", async () => {
  const told: Condition[] = [];
  let code: string | undefined = 'SELECTION_EMPTY';
  const started = { workflowId: 'w', firstExecutionRunId: 'r', databaseUuid: 'db', warehouse: 'w' };
  const { taskQueue } = await bench.start({
    requestScheduledRun: () => Promise.resolve({ ...started, conditions: [], searchAttributes: false }),
    runState: () =>
      Promise.resolve(code === undefined ? { state: 'success' } : { state: 'failed', code, message: 'none' }),
    planRun: () => Promise.reject(ApplicationFailure.nonRetryable('none', 'SELECTION_EMPTY')),
    raiseAlerts: async ({ conditions }) => void told.push(...conditions),
  });
  const subjectOf = (type: string, schedule: string): string => `workflow ${type} of schedule ${schedule}`;
  const of = (subject: string) => told.filter((c) => c.subject === subject).map((c) => c.state);
  await createScheduled(taskQueue, 'nothing', WORKFLOW.scheduledRun, {});
  await waitFor(() => of(subjectOf(WORKFLOW.scheduledRun, 'nothing')).length > 0, { timeoutMs: 60_000 });
  expect(of(subjectOf(WORKFLOW.scheduledRun, 'nothing'))).toEqual(['firing']);
  code = undefined;
  await createScheduled(taskQueue, 'something', WORKFLOW.scheduledRun, {});
  await waitFor(() => of(subjectOf(WORKFLOW.scheduledRun, 'something')).length > 0, { timeoutMs: 60_000 });
  expect(of(subjectOf(WORKFLOW.scheduledRun, 'something'))).toEqual(['ok']);
  await createScheduled(taskQueue, 'weekly', WORKFLOW.verify, {});
  await waitFor(() => of(subjectOf(WORKFLOW.verify, 'weekly')).includes('firing'), { timeoutMs: 60_000 });
}, 180_000);

test('a schedule of kind archive archives; what fails is told by its name, and what is right again', async () => {
  const asked: ArchiveNextInput[] = [];
  const told: Condition[] = [];
  let isBroken = true;
  const { taskQueue } = await bench.start({
    archiveNext: (input) => {
      asked.push(input);
      return isBroken
        ? Promise.reject(ApplicationFailure.nonRetryable('nowhere', 'ARCHIVE_UNSET'))
        : Promise.resolve({ done: { relation: 'gold.fct', partition: 'fct_2020_01', state: 'archived' } });
    },
    raiseAlerts: async ({ conditions }) => void told.push(...conditions),
  });
  const { apply, list, warehouse } = openWarehouse(taskQueue);
  const schedules = { cold: { kind: 'archive', model: 'fct', ...NEVER } };
  await apply(schedules);
  const subject = 'workflow archivePartitions of schedule cold';
  const statesOf = () => told.filter((c) => c.subject === subject).map((c) => c.state);
  await triggerSchedule(bench.client, { warehouse, name: 'cold' });
  await waitFor(() => statesOf().length === 1, { timeoutMs: 60_000 });
  isBroken = false;
  const triggerAgain = async (): Promise<boolean> => {
    // One that is due while the one before has not quite ended is skipped.
    await triggerSchedule(bench.client, { warehouse, name: 'cold' });
    return statesOf().length > 1;
  };
  await waitFor(triggerAgain, { timeoutMs: 60_000, intervalMs: 500 });
  expect(statesOf().slice(0, 2)).toEqual(['firing', 'ok']);
  expect(asked[0]).toEqual({ model: 'fct' });
  expect(await list(schedules)).toMatchObject([{ name: 'cold', kind: 'archive', standing: 'applied' }]);
  const from = new Date('2026-01-01T00:00:00Z');
  expect(
    await errorOf(backfillSchedule(bench.client, { warehouse, name: 'cold', from, to: new Date() })),
  ).toContain('whatever time it is for');
}, 120_000);

test('what succeeds again says of which schedule it was', async () => {
  const asked: unknown[] = [];
  const told: Condition[] = [];
  const failing = () => Promise.reject(ApplicationFailure.nonRetryable('enough', 'TEST_ENOUGH'));
  const note = async (input: unknown): Promise<never> => {
    asked.push(input);
    return failing();
  };
  const { taskQueue } = await bench.start({
    checkFreshness: note,
    scanInbox: note,
    requestScheduledRun: note,
    planRun: failing,
    endAbandoned: () => Promise.resolve({ ended: 0, conditions: [], databaseUuid: 'db' }),
    sweepLeftovers: () => Promise.resolve({ shadows: 0, consumers: 0, feeds: 0 }),
    trimHistories: () => Promise.resolve({ removed: {}, more: false }),
    analyzeTables: note,
    raiseAlerts: async ({ conditions }) => void told.push(...conditions),
  });
  const types = [WORKFLOW.freshness, WORKFLOW.inbox, WORKFLOW.maintenance, WORKFLOW.scheduledRun];
  for (const type of types) await createScheduled(taskQueue, `of-${type.toLowerCase()}`, type, {});
  await createScheduled(taskQueue, 'weekly', WORKFLOW.verify, {});
  await waitFor(() => asked.length >= types.length && told.some(({ state }) => state === 'ok'), {
    timeoutMs: 60_000,
  });
  expect(asked.map((input) => (input as { schedule?: string }).schedule).sort()).toEqual(
    types.map((type) => `of-${type.toLowerCase()}`).sort(),
  );
  expect(told.filter(({ state }) => state === 'ok')).toEqual(
    succeededWorkflow({ type: 'verify', schedule: 'weekly' }).map((key) => ({ ...key, state: 'ok' })),
  );
}, 90_000);

test('a backfill takes the times from the first to before the last, each judged as of then', async () => {
  const asked: (string | undefined)[] = [];
  const { taskQueue } = await bench.start({
    checkFreshness: ({ asOf = 'now' }) => {
      asked.push(asOf);
      const check = {
        checkId: 'c',
        asOf,
        isLive: false,
        status: 'pass' as const,
        sources: [],
        conditions: [],
      };
      return Promise.resolve({ ...check, databaseUuid: 'db', warehouse: 'w', searchAttributes: false });
    },
  });
  const { apply, warehouse } = openWarehouse(taskQueue);
  await apply({ fresh: { kind: 'freshness', cron: '0 * * * *' }, a: A, plain: { kind: 'run', every: '1h' } });
  const [from, to] = [new Date('2026-01-31T00:00:00Z'), new Date('2026-01-31T03:00:00Z')];
  await backfillSchedule(bench.client, { warehouse, name: 'fresh', from, to });
  await waitFor(() => asked.length >= 3, { timeoutMs: 45_000 });
  expect(asked.sort()).toEqual(['00', '01', '02'].map((hour) => `2026-01-31T${hour}:00:00.000Z`));
  const none = { from, to: new Date(from.getTime() + 1) };
  expect(await backfillSchedule(bench.client, { warehouse, name: 'fresh', ...none })).toBe(1);
  const nothing = { from: new Date('2026-01-31T00:00:01Z'), to: new Date('2026-01-31T00:30:00Z') };
  expect(await backfillSchedule(bench.client, { warehouse, name: 'fresh', ...nothing })).toBe(0);
  for (const name of ['a', 'plain'])
    expect(await errorOf(backfillSchedule(bench.client, { warehouse, name, from, to }))).toMatch(
      /^SCHEDULE_NO_BACKFILL Schedule \w+: /,
    );
}, 60_000);

test('a backfill of checks holds up no live one; more than a thousand times are refused, with where to begin', async () => {
  const asked: string[] = [];
  const gate = createGate();
  const { taskQueue } = await bench.start({
    checkFreshness: async ({ asOf = 'now' }) => {
      asked.push(asOf);
      if (asOf !== 'now') await gate.opened;
      const check = {
        checkId: 'c',
        asOf,
        isLive: true,
        status: 'pass' as const,
        sources: [],
        conditions: [],
      };
      return { ...check, databaseUuid: 'db', warehouse: 'w', searchAttributes: false };
    },
  });
  const { apply, warehouse } = openWarehouse(taskQueue);
  await apply({ fresh: { kind: 'freshness', cron: '0 * * * *' } });
  const from = new Date('2026-01-01T00:00:00Z');
  const hours = (count: number) => ({ from, to: new Date(from.getTime() + count * 3_600_000) });
  expect(
    await errorOf(backfillSchedule(bench.client, { warehouse, name: 'fresh', ...hours(1_001) })),
  ).toMatch(/^SCHEDULE_BACKFILL_TOO_LONG .* begin with --to 2026-02-11T16:00:00\.000Z$/);
  await backfillSchedule(bench.client, { warehouse, name: 'fresh', ...hours(2) });
  await waitFor(() => asked.length >= 2, { timeoutMs: 45_000 });
  await triggerSchedule(bench.client, { warehouse, name: 'fresh' });
  await waitFor(() => asked.includes('now'), { timeoutMs: 45_000 });
  gate.open();
}, 60_000);

test('a run for a past time is asked for as background work, a live one is not; a long wait continues as new', async () => {
  const asked: TransformInput[] = [];
  let looks = 0;
  const { taskQueue } = await bench.start({
    requestScheduledRun: async ({ transform }) => {
      asked.push(transform);
      const workflowId = transform.priority === undefined ? 'live' : 'past';
      const run = { workflowId, firstExecutionRunId: 'r' };
      return { ...run, conditions: [], databaseUuid: 'db', warehouse: 'w', searchAttributes: false };
    },
    runState: async ({ workflowId }) => ({
      state: workflowId === 'live' && (looks += 1) < 3 ? ('running' as const) : ('success' as const),
    }),
  });
  const { apply, warehouse } = openWarehouse(taskQueue);
  await apply({ daily: { kind: 'run', cron: '0 0 * * *', time_var: 'day' } });
  const [from, to] = [new Date('2026-01-31T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
  await backfillSchedule(bench.client, { warehouse, name: 'daily', from, to });
  await waitFor(() => asked.length === 1, { timeoutMs: 45_000 });
  expect(asked).toEqual([{ vars: { day: '2026-01-31T00:00:00.000Z' }, priority: PRIORITY.background }]);
  const handle = await bench.client.workflow.start(WORKFLOW.scheduledRun, {
    taskQueue,
    workflowId: randomUUID(),
    args: [{ timeVar: 'day', looksPerExecution: 2 }],
  });
  expect(await handle.result()).toEqual({ workflowId: 'live', state: 'success' });
  expect(asked[1]?.priority).toBeUndefined();
  expect(asked).toHaveLength(2);
  const first = bench.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
  expect((await first.describe()).status.name).toBe('CONTINUED_AS_NEW');
}, 60_000);

test('the commands do all of it, and say what they did', async () => {
  const { warehouse } = openWarehouse();
  const names = ['freshness', 'daily', 'maintenance', 'verify'];
  made.push(...names.map((name) => scheduleId(warehouse, name)));
  const strata = async (...args: string[]): Promise<readonly [number, unknown]> => {
    let stdout = '';
    const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => !!(stdout += String(text)));
    const err = jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const target = ['--json', '--warehouse', warehouse, '--temporal-address', testTemporalAddress()];
    try {
      return [await main(['schedule', ...args, ...target]), JSON.parse(stdout || 'null') as unknown];
    } finally {
      out.mockRestore();
      err.mockRestore();
    }
  };
  const changes = (change: string) => names.map((name) => ({ name, change }));
  const leftOut = [
    { name: 'inbox', why: 'STRATA_INBOX is not set' },
    { name: 'archive', why: 'STRATA_ARCHIVE is not set' },
  ];
  expect(await strata('apply')).toEqual([0, { schedules: changes('created'), leftOut }]);
  expect(await strata('apply')).toEqual([0, { schedules: changes('unchanged'), leftOut }]);
  expect(await strata('pause', 'verify', 'daily', '--note', 'holidays')).toEqual([
    0,
    { schedules: ['verify', 'daily'].map((name) => ({ name, changed: true })) },
  ]);
  expect((await strata('resume', 'daily'))[0]).toBe(0);
  expect((await strata('trigger', 'maintenance'))[0]).toBe(0);
  const [code, listed] = await strata('list');
  expect(code).toBe(0);
  expect(listed).toMatchObject({
    schedules: names.map((name) => ({
      name,
      standing: 'applied',
      paused: name === 'verify',
      ...(name === 'verify' ? { note: 'holidays' } : {}),
    })),
  });
  const range = ['--from', '2026-01-01', '--to', '2026-01-02'];
  expect((await strata('backfill', 'verify', ...range))[0]).toBe(1);
  expect((await strata('backfill', 'freshness', '--from', '2026-01-02', '--to', '2026-01-01'))[0]).not.toBe(
    0,
  );
  expect((await strata('pause', 'no-such'))[0]).toBe(1);
  expect((await strata('backfill', 'freshness', '--from', '2026-01-01'))[0]).toBe(2);
});

describe('a scheduled run', () => {
  let database: TestDatabase;
  let worker: StartedWorker;
  let session: Session;
  beforeAll(async () => {
    database = await createTestDatabase({ template: 'migrated' });
    session = await openSession(database.url);
    const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' });
    worker = await startWorker({
      config,
      databaseUrl: database.url,
      warehouse: database.name,
      temporal: { ...config.temporal, address: testTemporalAddress() },
      logger: pino({ level: 'silent' }),
    });
  }, 60_000);
  afterAll(async () => {
    for (const id of [pipelineWorkflowId(database.name), alertWorkflowId(database.name)])
      await bench.client.workflow
        .getHandle(id)
        .terminate()
        .catch(() => undefined);
    await worker.shutdown();
    await session.close();
    await database.drop();
  });

  test('goes through the coordinator, is told its time, and ends when the run has ended', async () => {
    const { apply, list, warehouse } = openWarehouse(database.name);
    const daily = {
      kind: 'run',
      cron: '0 0 * * *',
      select: ['stg_transactions'],
      time_var: 'day',
      vars: { x: 1 },
    };
    await apply({ daily });
    const [from, to] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-03T00:00:00Z')];
    await backfillSchedule(bench.client, { warehouse, name: 'daily', from, to });
    const ended = await waitFor(
      async () => {
        const runs = await session.query('select vars, state, workflow_id from ops.run order by started_at');
        return runs.filter((run) => run['state'] === 'success').length === 2 && runs;
      },
      { timeoutMs: 40_000 },
    );
    expect(ended.map((run) => run['vars'])).toEqual(
      ['01', '02'].map((day) => ({ x: 1, day: `2026-01-${day}T00:00:00.000Z` })),
    );
    expect(ended.map((run) => run['workflow_id'])).toEqual(
      [1, 2].map((n) => transformWorkflowId(warehouse, n)),
    );
    const [listed] = await list({ daily });
    const results = (listed?.recent ?? []).map(({ workflowId }) =>
      bench.client.workflow.getHandle(workflowId).result(),
    );
    expect(await Promise.all(results)).toEqual(
      ended.map((run) => ({ workflowId: run['workflow_id'], state: 'success' })),
    );
  }, 60_000);

  test('that fails shows it, and the reason', async () => {
    const work = bench.client.workflow.execute(WORKFLOW.scheduledRun, {
      taskQueue: database.name,
      workflowId: `${database.name}/by-hand`,
      args: [{ transform: { select: ['nothing_of_this_name'] } }],
    });
    const failure = await failureOf(work);
    expect(failure.type).toBe('RUN_FAILED');
    expect(failure.message).toMatch(/^\S+\/transform\/\d+: .*nothing_of_this_name/);
  }, 60_000);
});

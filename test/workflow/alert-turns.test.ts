import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import type { AlertStatus, Condition, RecordAlertsInput, RecordAlertsResult } from '../../src/wire/alerts';
import { alertWorkflowId, QUERY, SIGNAL, WORKFLOW } from '../../src/wire/names';
import { waitFor } from '../support/wait-for';
import { createGate, openWorkflowBench, type WorkflowBench } from './workflow-worker';

let bench: WorkflowBench;
let warehouse: string;
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(() => bench.close());
afterEach(async () => {
  await alerter()
    .terminate()
    .catch(() => undefined);
});

const alerter = (): WorkflowHandle => bench.client.workflow.getHandle(alertWorkflowId(warehouse));

const start = async (activities: Partial<Activities>, input: object = {}): Promise<void> => {
  warehouse = (await bench.start(activities)).taskQueue;
  await bench.client.workflow.start(WORKFLOW.alert, {
    workflowId: alertWorkflowId(warehouse),
    taskQueue: warehouse,
    args: [input],
  });
};

const nothing: RecordAlertsResult = { open: [], openCount: 0, deliveries: [], tested: [] };
const condition = (subject: string, more: Partial<Condition> = {}): Condition => ({
  kind: 'failure',
  subject,
  state: 'firing',
  ...more,
});
const observe = (...conditions: Condition[]): Promise<void> =>
  alerter().signal(SIGNAL.conditionObserved, conditions);

test('what can not be recorded takes nothing else with it, and the alerter goes on', async () => {
  const recorded: string[] = [];
  await start({
    recordAlerts: ({ conditions, mutes }) => {
      const subjects = conditions.map(({ subject }) => subject);
      if (subjects.includes('poison') || mutes.length > 0)
        throw ApplicationFailure.nonRetryable('invalid byte sequence', 'UNEXPECTED');
      recorded.push(...subjects);
      return Promise.resolve(nothing);
    },
  });
  await alerter().signal(SIGNAL.muteAlerts, { subject: 'x', seconds: 60 });
  await observe(condition('a'), condition('b'), condition('poison'), condition('c'));
  await waitFor(() => recorded.length >= 3);
  await observe(condition('d'));
  await waitFor(() => recorded.length >= 4);
  expect(recorded).toEqual(['a', 'b', 'c', 'd']);
});

test('a message whose try fails in a way nobody foresaw is tried again without being asked', async () => {
  let tries = 0;
  await start({
    recordAlerts: () =>
      Promise.resolve(
        tries < 2 ? { ...nothing, deliveries: [{ deliveryId: '1', channel: 'webhook', inMs: 0 }] } : nothing,
      ),
    deliverAlert: () =>
      ++tries < 2
        ? Promise.reject(ApplicationFailure.nonRetryable('a bug', 'UNEXPECTED'))
        : Promise.resolve({ state: 'delivered' }),
  });
  await waitFor(() => tries === 2);
});

test('where nothing can be recorded the alerter fails, for everybody to see', async () => {
  await start({
    recordAlerts: () => Promise.reject(ApplicationFailure.nonRetryable('no such table', 'UNEXPECTED')),
  });
  await observe(condition('a'));
  await waitFor(async () => (await alerter().describe()).status.name === 'FAILED');
});

test('an alerter that always has something to record, and to send, begins anew all the same; nothing is lost', async () => {
  const recorded = new Set<string>();
  let observed = 0;
  // Whenever it records, the next observation arrives.
  await start(
    {
      recordAlerts: async ({ conditions }) => {
        for (const { subject } of conditions) recorded.add(subject);
        if (observed < 12) await observe(condition(`s${observed++}`));
        return { ...nothing, deliveries: [{ deliveryId: '1', channel: 'webhook', inMs: 0 }] };
      },
      deliverAlert: () =>
        Promise.resolve({ state: 'pending', next: { deliveryId: '1', channel: 'webhook', inMs: 1 } }),
    },
    { turnsPerExecution: 2 },
  );
  const first = (await alerter().describe()).runId;
  await waitFor(() => recorded.size === 12);
  const executions = [...new Set([first, (await alerter().describe()).runId])];
  expect(executions).toHaveLength(2);
  expect([...recorded].sort()).toEqual(Array.from({ length: 12 }, (_, i) => `s${i}`).sort());
});

test('what has gathered while nothing could be recorded is taken in several turns', async () => {
  const gate = createGate();
  const turns: RecordAlertsInput[] = [];
  await start({
    recordAlerts: async (input) => {
      turns.push(input);
      if (turns.length === 1) await gate.opened;
      return nothing;
    },
  });
  await waitFor(() => turns.length === 1);
  const long = Array.from({ length: 300 }, (_, i) => condition(`s${i}`, { summary: 'x'.repeat(2_000) }));
  for (let from = 0; from < 300; from += 100) await observe(...long.slice(from, from + 100));
  await waitFor(async () => (await alerter().query<AlertStatus>(QUERY.status)).waiting === 300);
  gate.open();
  const later = await waitFor(() => {
    const all = turns.slice(1).map(({ conditions }) => conditions);
    return all.flat().length === 300 && all;
  });
  expect(later.flat().map(({ subject }) => subject)).toEqual(long.map(({ subject }) => subject));
  expect(Math.max(...later.map((some) => JSON.stringify(some).length))).toBeLessThan(500_000);
}, 30_000);

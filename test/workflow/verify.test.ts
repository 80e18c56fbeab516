import { randomUUID } from 'node:crypto';
import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure, type WorkflowFailedError } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import { WORKFLOW } from '../../src/wire/names';
import type {
  FinishRunInput,
  NodeResult,
  PlannedNode,
  RunNodeInput,
  TransformInput,
  TransformResult,
} from '../../src/wire/transform';
import { waitFor } from '../support/wait-for';
import { failureOf, node, openWorkflowBench, type WorkflowBench } from './workflow-worker';

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(() => bench.close());

const NODES = [node('a'), node('b', 'a'), node('c', 'b')];

const result = ({ nodeId, attempt }: RunNodeInput): NodeResult => ({
  nodeId,
  name: nodeId,
  label: `gold.${nodeId}`,
  kind: 'model',
  materialized: 'table',
  state: 'success',
  durationMs: 5,
  attempts: attempt,
});
const equal = (input: RunNodeInput): NodeResult => ({
  ...result(input),
  verification: { equal: true, rows: 3, periods: 2 },
});
const differing = (input: RunNodeInput): NodeResult => ({
  ...result(input),
  verification: {
    equal: false,
    rows: 3,
    periods: 2,
    differences: [{ period: '2026-01', missing: 1, unexpected: 0, different: 2 }],
    differenceCount: 1,
  },
});

type Fake = (input: RunNodeInput) => Promise<NodeResult>;
const refused = (type: string, message = 'it is broken') =>
  Promise.reject(ApplicationFailure.nonRetryable(message, type));

const startVerify = async (
  { runNode, verifyNode, nodes = NODES }: { runNode?: Fake; verifyNode?: Fake; nodes?: PlannedNode[] },
  { type = WORKFLOW.verify, input = {} }: { type?: string; input?: object } = {},
) => {
  const steps: string[] = [];
  const planned: TransformInput[] = [];
  const finished: FinishRunInput[] = [];
  const fakes: Partial<Activities> = {
    planRun: (transform) => {
      planned.push(transform);
      return Promise.resolve({
        runId: Context.current().info.workflowExecution?.runId ?? '',
        warehouse: 'w',
        databaseUuid: 'db',
        planHash: 'p',
        command: transform.command ?? 'run',
        fullRefresh: false,
        nodes,
        threads: 2,
        retries: 1,
        retryIntervalMs: 1,
        searchAttributes: false,
      });
    },
    runNode: (node) => {
      steps.push(`run ${node.nodeId}`);
      return runNode?.(node) ?? Promise.resolve(result(node));
    },
    verifyNode: (node) => {
      steps.push(`verify ${node.nodeId}`);
      return verifyNode?.(node) ?? Promise.resolve(equal(node));
    },
    finishRun: (end) => {
      finished.push(end);
      return Promise.resolve({ conditions: [] });
    },
  };
  const { taskQueue } = await bench.start(fakes);
  const handle = await bench.client.workflow.start<(i?: unknown) => Promise<TransformResult>>(type, {
    taskQueue,
    workflowId: randomUUID(),
    args: [input],
  });
  return { handle, steps, planned, finished };
};

test.each([
  { type: WORKFLOW.verify, input: {} },
  { type: WORKFLOW.transform, input: { command: 'verify' } },
])('workflow $type runs all models, then compares all', async (start) => {
  const { handle, steps, planned, finished } = await startVerify({}, start);
  const { state, command, results } = await handle.result();
  expect([state, command]).toEqual(['success', 'verify']);
  expect(results.map((r) => r.verification)).toEqual(NODES.map(() => ({ equal: true, rows: 3, periods: 2 })));
  expect(steps).toEqual(['run a', 'run b', 'run c', 'verify a', 'verify b', 'verify c']);
  expect(planned).toEqual([{ command: 'verify' }]);
  expect(finished).toMatchObject([{ state: 'success' }]);
});

test('a difference fails the run, named by relation, period and counts; its children are compared all the same', async () => {
  const { handle, steps, finished } = await startVerify({
    verifyNode: (input) => Promise.resolve(input.nodeId === 'a' ? differing(input) : equal(input)),
  });
  const failure = await failureOf(handle.result());
  expect(failure.type).toBe('VERIFY_MISMATCH');
  expect(failure.nonRetryable).toBe(true);
  expect(failure.message).toBe(
    '1 of 3 relations differ: gold.a: differs from a full refresh: 2026-01: 1 missing, 2 different',
  );
  const [{ results }] = failure.details as [TransformResult];
  expect(results.map((r) => r.state)).toEqual(['failed', 'success', 'success']);
  expect(steps.slice(3)).toEqual(['verify a', 'verify b', 'verify c']);
  expect(finished).toMatchObject([{ state: 'failed' }]);
});

test('a suspended model is not compared, nor what depends on it; the rest is', async () => {
  const { handle, steps } = await startVerify({
    nodes: NODES.map((n) => (n.id === 'b' ? { ...n, suspended: 'suspended since then' } : n)),
  });
  const { state, results } = await handle.result();
  expect([state, results.map((r) => r.state)]).toEqual(['success', ['success', 'skipped', 'skipped']]);
  expect(steps).toEqual(['run a', 'verify a']);
});

test('nothing is compared after a model has failed', async () => {
  const { handle, steps } = await startVerify({ runNode: () => refused('KEY_NULL') });
  expect((await failureOf(handle.result())).type).toBe('RUN_FAILED');
  expect(steps).toEqual(['run a']);
});

test('a shadow that can not be built is tried again, and then fails the run', async () => {
  const { handle, steps } = await startVerify({ verifyNode: () => refused('MODEL_FAILED') });
  const failure = await failureOf(handle.result());
  expect(failure.type).toBe('RUN_FAILED');
  expect(steps.slice(3)).toEqual(['verify a', 'verify a']);
});

test('interrupted, it is begun again as a run of its own, with the same plan', async () => {
  let interruptions = 0;
  const { handle, planned, finished } = await startVerify(
    {
      verifyNode: (n) => (interruptions++ === 0 ? refused('VERIFY_INTERRUPTED') : Promise.resolve(equal(n))),
    },
    { input: { select: ['a+'] } },
  );
  await expect(handle.result()).resolves.toMatchObject({ state: 'success' });
  expect(planned).toEqual([
    { command: 'verify', select: ['a+'] },
    { command: 'verify', select: ['a+'], planHash: 'p', round: 2 },
  ]);
  expect(finished.map((f) => [f.state, f.message])).toEqual([
    ['cancelled', expect.stringMatching(/^begun again: /)],
    ['success', undefined],
  ]);
  expect(new Set(finished.map((f) => f.runId)).size).toBe(2);
});

test('interrupted three times, it fails and says so', async () => {
  const { handle, planned } = await startVerify(
    { verifyNode: () => refused('VERIFY_INTERRUPTED', 'another run wrote gold.a') },
    { type: WORKFLOW.transform, input: { command: 'verify' } },
  );
  const failure = await failureOf(handle.result());
  expect(failure.type).toBe('VERIFY_INTERRUPTED');
  expect(failure.message).toBe('begun 3 times, and interrupted: another run wrote gold.a');
  expect(planned.map((p) => p.round)).toEqual([undefined, 2, 3]);
});

test('cancelled while it compares, the run is closed, so that its shadows are dropped', async () => {
  const { handle, steps, finished } = await startVerify({
    verifyNode: async () => {
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        await context.sleep(20);
      }
    },
  });
  await waitFor(() => steps.includes('verify a'));
  await handle.cancel();
  const error = (await handle.result().catch((e: unknown) => e)) as WorkflowFailedError;
  expect(error.cause).toBeInstanceOf(CancelledFailure);
  expect(finished).toMatchObject([{ state: 'cancelled' }]);
});

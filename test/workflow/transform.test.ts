import { randomUUID } from 'node:crypto';
import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure, type WorkflowFailedError } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import { QUERY, WORKFLOW } from '../../src/wire/names';
import type {
  FinishRunInput,
  NodeResult,
  PlannedNode,
  PlanRunResult,
  RunNodeInput,
  SuspendedNode,
  TransformResult,
  TransformStatus,
} from '../../src/wire/transform';
import { waitFor } from '../support/wait-for';
import { createGate, failureOf, node, openWorkflowBench, type WorkflowBench } from './workflow-worker';

type Transform = (input?: unknown) => Promise<TransformResult>;

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(() => bench.close());

const succeeded = ({ nodeId, attempt }: RunNodeInput): NodeResult => ({
  nodeId,
  name: nodeId,
  label: `gold.${nodeId}`,
  kind: 'model',
  materialized: 'table',
  state: 'success',
  rows: { inserted: 1, updated: 2, deleted: 3 },
  durationMs: 5,
  attempts: attempt,
});

interface Fakes {
  readonly nodes: PlannedNode[];
  readonly runNode?: (input: RunNodeInput) => Promise<NodeResult>;
  readonly plan?: Partial<PlanRunResult>;
  readonly suspended?: SuspendedNode[];
}

const startTransform = async (
  { nodes, runNode, plan, suspended = [] }: Fakes,
  args: unknown[] = [],
  priorityKey?: number,
) => {
  const tries: RunNodeInput[] = [];
  const finished: FinishRunInput[] = [];
  const fakes: Partial<Activities> = {
    planRun: (input) =>
      Promise.resolve({
        runId: 'run-1',
        warehouse: 'w',
        databaseUuid: 'db-1',
        planHash: 'p',
        command: input.command ?? 'run',
        fullRefresh: false,
        nodes,
        threads: input.threads ?? 4,
        retries: input.retries ?? 3,
        retryIntervalMs: input.retryIntervalMs ?? 1,
        searchAttributes: false,
        ...plan,
      }),
    runNode: (input) => {
      tries.push(input);
      return runNode === undefined ? Promise.resolve(succeeded(input)) : runNode(input);
    },
    verifyNode: (input) => Promise.resolve({ ...succeeded(input), verification: { equal: true, rows: 1 } }),
    finishRun: (input) => {
      finished.push(input);
      return Promise.resolve({ suspended, conditions: [] });
    },
  };
  const { taskQueue } = await bench.start(fakes);
  const handle = await bench.client.workflow.start<Transform>(WORKFLOW.transform, {
    taskQueue,
    workflowId: randomUUID(),
    args: args as [],
    ...(priorityKey === undefined ? {} : { priority: { priorityKey } }),
  });
  return { handle, tries, finished, started: () => tries.map((t) => t.nodeId) };
};

const failing = (type: string, message = 'it is broken') =>
  Promise.reject(ApplicationFailure.nonRetryable(message, type));
const statesOf = (results: readonly NodeResult[]) =>
  Object.fromEntries(results.map((r) => [r.nodeId, r.state]));

test('without any input the whole project runs, and the run is recorded', async () => {
  const { handle, finished } = await startTransform({ nodes: [node('a'), node('b', 'a')] });
  const result = await handle.result();
  expect(result).toMatchObject({ runId: 'run-1', command: 'run', state: 'success' });
  expect(statesOf(result.results)).toEqual({ a: 'success', b: 'success' });
  expect(finished).toEqual([
    { runId: 'run-1', databaseUuid: 'db-1', state: 'success', results: result.results },
  ]);
});

test('an invalid input fails the workflow, naming each problem', async () => {
  const { handle } = await startTransform({ nodes: [] }, [{ threads: 0, select: 'dim' }]);
  const failure = await failureOf(handle.result());
  expect(failure.type).toBe('INPUT_INVALID');
  expect(failure.message).toMatch(/select: .*string.*threads: .*>=1/);
});

test('a node starts when its own parents are done, without waiting for the rest of their level', async () => {
  const slow = createGate();
  const { handle, started } = await startTransform({
    nodes: [node('slow'), node('fast'), node('child', 'fast'), node('last', 'slow', 'child')],
    runNode: async (input) => {
      if (input.nodeId === 'slow') await slow.opened;
      return succeeded(input);
    },
  });
  await waitFor(() => started().includes('child'));
  expect(started()).not.toContain('last');
  slow.open();
  await handle.result();
  expect(started().at(-1)).toBe('last');
});

test('no more nodes run at once than there are threads', async () => {
  let running = 0;
  let most = 0;
  const { handle } = await startTransform(
    {
      nodes: ['a', 'b', 'c', 'd', 'e'].map((name) => node(name)),
      runNode: async (input) => {
        most = Math.max(most, ++running);
        await Context.current().sleep(30);
        running--;
        return succeeded(input);
      },
    },
    [{ threads: 2 }],
  );
  await handle.result();
  expect(most).toBe(2);
});

// dbt-core#11114.
test('a failing node is tried again as often as the plan says, then the run fails with all results', async () => {
  const { handle, tries, finished } = await startTransform({
    nodes: [node('a')],
    runNode: () => failing('MODEL_FAILED', 'division by zero'),
  });
  const failure = await failureOf(handle.result());
  expect(failure.type).toBe('RUN_FAILED');
  expect(failure.message).toBe('1 of 1 nodes failed: gold.a: division by zero');
  expect(tries.map((t) => t.attempt)).toEqual([1, 2, 3, 4]);
  const [result] = failure.details as [TransformResult];
  expect(result.results).toMatchObject([{ state: 'failed', attempts: 4, message: 'division by zero' }]);
  expect(finished).toMatchObject([{ state: 'failed', results: [{ nodeId: 'a', state: 'failed' }] }]);
});

test('a result says what kind of failure it was, and which nodes the run was one too many for', async () => {
  const suspended = { nodeId: 'a', label: 'gold.a', runId: 'run-1', since: '', failures: 3, reason: 'no' };
  const { handle } = await startTransform(
    {
      nodes: [node('a')],
      runNode: () =>
        Promise.reject(
          ApplicationFailure.create({
            type: 'MODEL_FAILED',
            nonRetryable: true,
            details: [{ sqlState: '22012' }],
          }),
        ),
      suspended: [{ ...suspended, errorCode: 'MODEL_FAILED' }],
    },
    [{ retries: 0 }],
  );
  const [result] = (await failureOf(handle.result())).details as [TransformResult];
  expect(result.results).toMatchObject([{ errorCode: 'MODEL_FAILED', sqlState: '22012' }]);
  expect(result.suspended).toMatchObject([suspended]);
});

test('a run in which suspended nodes were left out has not failed', async () => {
  const { handle, started } = await startTransform({
    nodes: [{ ...node('a'), suspended: 'suspended since then' }, node('b', 'a'), node('x')],
  });
  const { state, results } = await handle.result();
  expect({ state, started: started() }).toEqual({ state: 'success', started: ['x'] });
  expect(statesOf(results)).toEqual({ a: 'skipped', b: 'skipped', x: 'success' });
});

test('a node that succeeds on a later try is a success that says how many it took', async () => {
  const { handle } = await startTransform({
    nodes: [node('a')],
    runNode: (input) => (input.attempt < 3 ? failing('MODEL_FAILED') : Promise.resolve(succeeded(input))),
  });
  await expect(handle.result()).resolves.toMatchObject({ results: [{ state: 'success', attempts: 3 }] });
});

test.each(['MODEL_COMPILE_FAILED', 'KEY_NULL', 'TEST_FAILED'])('%s is not tried again', async (code) => {
  const { handle, tries } = await startTransform({ nodes: [node('a')], runNode: () => failing(code) });
  await failureOf(handle.result());
  expect(tries).toHaveLength(1);
});

test('waiting for infrastructure does not count as a try', async () => {
  let calls = 0;
  const { handle, tries } = await startTransform(
    {
      nodes: [node('a')],
      runNode: (input) =>
        ++calls < 3
          ? Promise.reject(ApplicationFailure.retryable('connection refused', 'DATABASE_UNREACHABLE'))
          : Promise.resolve(succeeded(input)),
    },
    [{ retries: 0 }],
  );
  await expect(handle.result()).resolves.toMatchObject({ results: [{ state: 'success', attempts: 1 }] });
  expect(tries.map((t) => t.attempt)).toEqual([1, 1, 1]);
});

test('what depends on a failed node is skipped with the reason, and the rest goes on', async () => {
  const { handle, started } = await startTransform(
    {
      nodes: [node('a'), node('b', 'a'), node('c', 'b'), node('x'), node('y', 'x')],
      runNode: (input) => (input.nodeId === 'a' ? failing('KEY_NULL') : Promise.resolve(succeeded(input))),
    },
    [{ threads: 1 }],
  );
  const failure = await failureOf(handle.result());
  const { results } = (failure.details as [TransformResult])[0];
  expect(statesOf(results)).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', x: 'success', y: 'success' });
  expect(results.filter((r) => r.state === 'skipped').map((r) => r.message)).toEqual([
    'skipped because gold.a failed',
    'skipped because gold.a failed',
  ]);
  expect(started()).toEqual(['a', 'x', 'y']);
});

test('cancelling stops the running node, and the run is recorded as cancelled', async () => {
  const stopped: string[] = [];
  const { handle, started, finished } = await startTransform({
    nodes: [node('done'), node('a', 'done'), node('b', 'a')],
    runNode: async (input) => {
      if (input.nodeId === 'done') return succeeded(input);
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        await context.sleep(20).catch((error: unknown) => {
          stopped.push(input.nodeId);
          throw error;
        });
      }
    },
  });
  await waitFor(() => started().includes('a'));
  await handle.cancel();
  const error = (await handle.result().catch((e: unknown) => e)) as WorkflowFailedError;
  expect(error.cause).toBeInstanceOf(CancelledFailure);
  expect(stopped).toEqual(['a']);
  expect(finished).toMatchObject([{ state: 'cancelled', results: [{ nodeId: 'done' }] }]);
});

// Which of them goes first is the server's affair, and approximate: a queue has partitions.
test.each([
  [{}, undefined, 3],
  [{ command: 'test' }, undefined, 3],
  [{ fullRefresh: true }, undefined, 4],
  [{ command: 'verify' }, undefined, 5],
  [{ command: 'verify', priority: 2 }, undefined, 2],
  [{ command: 'verify' }, 1, 1],
])(
  'the activities of %j, started with priority %s, have priority %s',
  async (input, startedWith, expected) => {
    const { handle } = await startTransform({ nodes: [node('a')] }, [input], startedWith);
    await handle.result().catch(() => undefined);
    const { events } = await handle.fetchHistory();
    const priorities = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled ? [scheduled.priority?.priorityKey] : [],
    );
    expect(priorities.length).toBeGreaterThanOrEqual(3);
    expect(new Set(priorities)).toEqual(new Set([expected]));
  },
);

test('planning that its worker took to the grave is done by another one, soon', async () => {
  let heartbeatTimeoutMs: number | undefined;
  const { taskQueue } = await bench.start({
    planRun: () => {
      heartbeatTimeoutMs = Context.current().info.heartbeatTimeoutMs;
      return failing('SELECTION_EMPTY', 'nothing selected');
    },
  });
  const work = bench.client.workflow.execute<Transform>(WORKFLOW.transform, {
    taskQueue,
    workflowId: randomUUID(),
    args: [{}],
  });
  await failureOf(work);
  expect(heartbeatTimeoutMs).toBe(15_000);
});

test('a plan that can not be made fails the run with its reason', async () => {
  const { taskQueue } = await bench.start({ planRun: () => failing('SELECTION_EMPTY', 'nothing selected') });
  const work = bench.client.workflow.execute<Transform>(WORKFLOW.transform, {
    taskQueue,
    workflowId: randomUUID(),
    args: [{}],
  });
  expect(await failureOf(work)).toMatchObject({ type: 'SELECTION_EMPTY', message: 'nothing selected' });
});

test('a record that can not be written any more hides no failure of a node', async () => {
  const { taskQueue } = await bench.start({
    planRun: () =>
      Promise.resolve({
        runId: 'r',
        warehouse: 'w',
        databaseUuid: 'old',
        planHash: 'p',
        command: 'run',
        fullRefresh: false,
        nodes: [node('a')],
        threads: 1,
        retries: 3,
        retryIntervalMs: 1,
        searchAttributes: false,
      }),
    runNode: () => failing('DATABASE_REPLACED', 'another database'),
    finishRun: () => failing('DATABASE_REPLACED', 'another database'),
  });
  const work = bench.client.workflow.execute<Transform>(WORKFLOW.transform, {
    taskQueue,
    workflowId: randomUUID(),
    args: [{}],
  });
  const failure = await failureOf(work);
  expect(failure.type).toBe('RUN_FAILED');
  expect(failure.message).toContain('another database');
});

test('query status shows what runs, what waits for its next try, and what came of the rest', async () => {
  const gate = createGate();
  const { handle, started } = await startTransform(
    {
      nodes: [node('a'), node('b'), node('c', 'a', 'b')],
      runNode: async (input) => {
        if (input.nodeId === 'b') return failing('MODEL_FAILED', 'not yet');
        await gate.opened;
        return succeeded(input);
      },
    },
    [{ retryIntervalMs: 600_000 }],
  );
  await waitFor(() => started().length === 2);
  const status = await waitFor(async () => {
    const answer = await handle.query<TransformStatus>(QUERY.status);
    return answer.nodes[1]?.state === 'retrying' && answer;
  });
  gate.open();
  await handle.terminate();
  expect(status).toMatchObject({
    runId: 'run-1',
    state: 'running',
    nodes: [
      { id: 'a', state: 'running', attempts: 1 },
      { id: 'b', state: 'retrying', attempts: 1, message: 'not yet' },
      { id: 'c', state: 'pending', attempts: 0 },
    ],
  });
});

test('the web UI is told the state of each node in the current details, and what each activity does', async () => {
  const { handle } = await startTransform({ nodes: [node('a'), node('b', 'a')] });
  await handle.result();
  const details = await handle.query<string>('__temporal_workflow_metadata').then(JSON.stringify);
  expect(details).toContain('| gold.a | success | +1 ~2 -3 | 0.0 |');
  const { events } = await handle.fetchHistory();
  const summaries = (events ?? [])
    .map((event) => event.userMetadata?.summary?.data)
    .filter((data) => data !== undefined && data !== null)
    .map((data) => JSON.parse(Buffer.from(data).toString()) as unknown);
  expect(summaries).toEqual(expect.arrayContaining(['gold.a (table)', 'gold.b (table)']));
});

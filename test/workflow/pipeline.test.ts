import { ApplicationFailure, WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import {
  pipelineWorkflowId,
  QUERY,
  SIGNAL,
  transformWorkflowId,
  UPDATE,
  WORKFLOW,
} from '../../src/wire/names';
import type {
  CancelledRun,
  CancelRun,
  PipelinePlan,
  PipelineStatus,
  ResumeNodesResult,
  RunRequest,
  StartedRun,
} from '../../src/wire/pipeline';
import type { TransformInput } from '../../src/wire/transform';
import { waitFor } from '../support/wait-for';
import { createGate, failureOf, openWorkflowBench, type WorkflowBench } from './workflow-worker';

type Pipeline = (input?: unknown) => Promise<void>;

let bench: WorkflowBench;
const coordinators: WorkflowHandle[] = [];
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(async () => {
  await Promise.all(coordinators.map((handle) => handle.terminate().catch(() => undefined)));
  await bench.close();
});

/** Runs of one node; `hold` makes the planning of the next runs wait until it is opened. */
const createRuns = () => {
  const planned: TransformInput[] = [];
  const state = { hold: Promise.resolve(), fail: false };
  const fakes: Partial<Activities> = {
    planRun: async (input) => {
      planned.push(input);
      await state.hold;
      if (state.fail) throw ApplicationFailure.nonRetryable('no such model', 'SELECTION_EMPTY');
      return {
        runId: 'r',
        warehouse: 'w',
        databaseUuid: 'db',
        planHash: 'p',
        command: 'run',
        fullRefresh: false,
        nodes: [],
        threads: 1,
        retries: 0,
        retryIntervalMs: 1,
        searchAttributes: false,
      };
    },
    finishRun: () => Promise.resolve({ conditions: [] }),
  };
  return { planned, state, fakes };
};

const openPipeline = async (input?: unknown, fakes: Partial<Activities> = {}) => {
  const runs = createRuns();
  const { taskQueue } = await bench.start({ ...runs.fakes, ...fakes });
  const workflowId = pipelineWorkflowId(taskQueue);
  const handle = await bench.client.workflow.start<Pipeline>(WORKFLOW.pipeline, {
    taskQueue,
    workflowId,
    args: input === undefined ? [] : [input],
  });
  const current = bench.client.workflow.getHandle<Pipeline>(workflowId);
  coordinators.push(current);
  const status = () => current.query<PipelineStatus>(QUERY.status);
  return {
    ...runs,
    taskQueue,
    handle,
    current,
    status,
    signal: (name: string, ...args: unknown[]) => current.signal(name, ...args),
    requestRun: (request: RunRequest) =>
      current.executeUpdate<StartedRun, [RunRequest]>(UPDATE.requestRun, { args: [request] }),
    finished: (count: number) =>
      waitFor(async () => {
        const answer = await status();
        return answer.finished.length >= count && answer;
      }),
  };
};

/** Waits until a run has been told to stop. */
const toldToStop = (workflowId: string): Promise<unknown> =>
  waitFor(
    async () =>
      (await bench.client.workflow.getHandle(workflowId).fetchHistory()).events?.some(
        (event) => event.workflowExecutionCancelRequestedEventAttributes,
      ),
    { what: 'the run to be told' },
  );

const batch = (batchId: string, more: object = {}) => ({ batchId, dataset: 'transactions', ...more });

test('it starts without any input, and is idle', async () => {
  const { status, taskQueue } = await openPipeline();
  await expect(status()).resolves.toEqual({ warehouse: taskQueue, paused: false, queue: [], finished: [] });
});

test('a batch that arrives starts a run of the models', async () => {
  const { signal, finished, planned, taskQueue } = await openPipeline();
  await signal(SIGNAL.batchLoaded, batch('1', { planHash: 'p1', databaseUuid: 'db' }));
  const { databaseUuid, finished: runs } = await finished(1);
  expect(databaseUuid).toBe('db');
  expect(planned).toEqual([{ command: 'run', planHash: 'p1' }]);
  expect(runs).toMatchObject([
    { number: 1, workflowId: transformWorkflowId(taskQueue, 1), batchIds: ['1'], state: 'success' },
  ]);
});

// dbt-core#10858.
test('batches that arrive during a run share the next one', async () => {
  const pipeline = await openPipeline();
  const gate = createGate();
  pipeline.state.hold = gate.opened;
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await waitFor(() => pipeline.planned.length === 1);
  for (const id of ['2', '3', '4']) await pipeline.signal(SIGNAL.batchLoaded, batch(id));
  await expect(pipeline.status()).resolves.toMatchObject({
    running: { number: 1, batchIds: ['1'] },
    queue: [{ number: 2, batchIds: ['2', '3', '4'] }],
  });
  gate.open();
  const { finished } = await pipeline.finished(2);
  expect(finished.map((run) => run.batchIds)).toEqual([['1'], ['2', '3', '4']]);
});

test('a run that fails does not stop the coordinator', async () => {
  const pipeline = await openPipeline();
  pipeline.state.fail = true;
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await pipeline.finished(1);
  pipeline.state.fail = false;
  await pipeline.signal(SIGNAL.batchLoaded, batch('2'));
  const { finished } = await pipeline.finished(2);
  expect(finished.map((run) => run.state)).toEqual(['failed', 'success']);
});

test('a paused coordinator keeps what arrives, and runs it when it resumes', async () => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.pause);
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await expect(pipeline.status()).resolves.toMatchObject({ paused: true, queue: [{ batchIds: ['1'] }] });
  expect(pipeline.planned).toEqual([]);
  await pipeline.signal(SIGNAL.resume);
  await pipeline.finished(1);
});

test('a full refresh is asked for by a signal, of all models or of a selection', async () => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.fullRefresh);
  await pipeline.signal(SIGNAL.fullRefresh, { select: ['dim_customer+'] });
  await pipeline.finished(2);
  expect(pipeline.planned).toEqual([
    { command: 'run', fullRefresh: true },
    { command: 'run', fullRefresh: true, select: ['dim_customer+'] },
  ]);
});

test('a signal that can not be read is ignored', async () => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.batchLoaded, { nothing: 'useful' });
  await pipeline.signal(SIGNAL.fullRefresh, { select: 'not-a-list' });
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await expect(pipeline.finished(1)).resolves.toMatchObject({ finished: [{ batchIds: ['1'] }] });
});

describe('update requestRun', () => {
  test('starts the coordinator where there is none, and answers with the run that was started', async () => {
    const { fakes } = createRuns();
    const { taskQueue } = await bench.start(fakes);
    const startWorkflowOperation = new WithStartWorkflowOperation<Pipeline>(WORKFLOW.pipeline, {
      taskQueue,
      workflowId: pipelineWorkflowId(taskQueue),
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const started = await bench.client.workflow.executeUpdateWithStart<Pipeline, StartedRun, [RunRequest]>(
      UPDATE.requestRun,
      { args: [{ transform: { select: ['a'] } }], startWorkflowOperation },
    );
    coordinators.push(await startWorkflowOperation.workflowHandle());
    expect(started.workflowId).toBe(transformWorkflowId(taskQueue, 1));
    const { workflowId, firstExecutionRunId } = started;
    const run = bench.client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
    await expect(run.result()).resolves.toMatchObject({ state: 'success' });
  });

  test('is refused when its argument is invalid', async () => {
    const { requestRun } = await openPipeline();
    const failure = await failureOf(requestRun({ transform: { threads: 0 } }));
    expect(failure.type).toBe('INPUT_INVALID');
  });

  test('requests that mean the same while they wait get the same run, however many threads they ask for', async () => {
    const pipeline = await openPipeline();
    await pipeline.signal(SIGNAL.pause);
    const answers = [
      pipeline.requestRun({ transform: { select: ['a'] } }),
      pipeline.requestRun({ transform: { select: ['a'], command: 'run', threads: 2 } }),
      pipeline.requestRun({ transform: { select: ['b'] } }),
    ];
    await waitFor(async () => (await pipeline.status()).queue.length === 2);
    await pipeline.signal(SIGNAL.resume);
    const [first, second, third] = await Promise.all(answers);
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
  });

  test('a request for batches is answered with the run that covers them: queued, running or finished', async () => {
    const pipeline = await openPipeline();
    const gate = createGate();
    pipeline.state.hold = gate.opened;
    await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
    await waitFor(() => pipeline.planned.length === 1);
    await pipeline.signal(SIGNAL.batchLoaded, batch('2'));
    const running = await pipeline.requestRun({ transform: {}, batchIds: ['1'] });
    expect(running.workflowId).toBe(transformWorkflowId(pipeline.taskQueue, 1));
    const queued = pipeline.requestRun({ transform: {}, batchIds: ['1', '2'] });
    gate.open();
    expect((await queued).workflowId).toBe(transformWorkflowId(pipeline.taskQueue, 2));
    await pipeline.finished(2);
    await expect(pipeline.requestRun({ transform: {}, batchIds: ['1'] })).resolves.toEqual(running);
    expect(pipeline.planned).toHaveLength(2);
  });

  test('a request for a batch that no run has covered gets a run of its own', async () => {
    const pipeline = await openPipeline();
    await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
    await pipeline.finished(1);
    const started = await pipeline.requestRun({ transform: {}, batchIds: ['1', '2'] });
    expect(started.workflowId).toBe(transformWorkflowId(pipeline.taskQueue, 2));
  });
});

describe('a run is cancelled', () => {
  /** A coordinator with a run that goes on, and one that waits. */
  const openRunning = async () => {
    const pipeline = await openPipeline();
    const gate = createGate();
    pipeline.state.hold = gate.opened;
    const running = await pipeline.requestRun({ transform: { select: ['a'] } });
    await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
    await waitFor(async () => (await pipeline.status()).queue.length === 1);
    return { ...pipeline, running, gate };
  };
  const requestCancel = ({ current }: { current: WorkflowHandle<Pipeline> }, number?: number) =>
    current.executeUpdate<CancelledRun, [CancelRun]>(UPDATE.requestCancel, {
      args: [number === undefined ? undefined : { number }],
    });

  test('the one that is running, by a signal; the next one follows', async () => {
    const { signal, gate, finished, running } = await openRunning();
    await signal(SIGNAL.cancelRun);
    await toldToStop(running.workflowId);
    gate.open();
    const { finished: runs } = await finished(2);
    expect(runs.map(({ number, state }) => [number, state])).toEqual([
      [1, 'cancelled'],
      [2, 'success'],
    ]);
  });

  test('one that waits, by its number: it is dropped, and who waits for it is told', async () => {
    const pipeline = await openRunning();
    const waiting = failureOf(pipeline.requestRun({ transform: { select: ['b'] } }));
    await waitFor(async () => (await pipeline.status()).queue.length === 2);
    await expect(requestCancel(pipeline, 3)).resolves.toEqual({ number: 3, state: 'dropped' });
    expect((await waiting).type).toBe('RUN_CANCELLED');
    expect((await failureOf(requestCancel(pipeline, 3))).type).toBe('RUN_UNKNOWN');
    const cancelled = requestCancel(pipeline);
    pipeline.gate.open();
    await expect(cancelled).resolves.toMatchObject({ number: 1, state: expect.any(String) as string });
  });

  test('where there is none, the signal is without effect and the update is refused', async () => {
    const pipeline = await openPipeline();
    await pipeline.signal(SIGNAL.cancelRun, { number: 3 });
    expect((await failureOf(requestCancel(pipeline))).type).toBe('RUN_UNKNOWN');
    await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
    await expect(pipeline.finished(1)).resolves.toMatchObject({ finished: [{ state: 'success' }] });
  });
});

test('query plan shows the runs to come in the order of their turns, with what was merged into each', async () => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.pause);
  // Signals that come before the coordinator has begun are taken by their kind.
  await waitFor(async () => (await pipeline.status()).paused);
  await pipeline.signal(SIGNAL.fullRefresh, { select: ['dim_customer+'] });
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await pipeline.signal(SIGNAL.batchLoaded, batch('2'));
  const plan = await waitFor(async () => {
    const answer = await pipeline.current.query<PipelinePlan>(QUERY.plan);
    return answer.runs[0]?.requests === 2 && answer;
  });
  expect(plan).toMatchObject({
    paused: true,
    runs: [
      { number: 2, state: 'next', does: 'run, batch 1, 2', priority: 3, batchIds: ['1', '2'] },
      { number: 1, state: 'later', does: 'run --full-refresh --select dim_customer+', priority: 4 },
    ],
  });
});

test.each([
  [undefined, 3],
  [5, 5],
])('the run that follows a load with priority %s has priority %s', async (priority, expected) => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.batchLoaded, batch('1', priority === undefined ? {} : { priority }));
  const { finished } = await pipeline.finished(1);
  const run = await bench.client.workflow.getHandle(finished[0]?.workflowId ?? '').describe();
  expect(run.priority?.priorityKey).toBe(expected);
});

test('suspended nodes are resumed by an update, which answers with them', async () => {
  const resumed = {
    nodeId: 'a',
    label: 'gold.a',
    runId: 'r',
    since: '',
    failures: 3,
    errorCode: 'KEY_NULL',
    reason: '',
  };
  const asked: unknown[] = [];
  const pipeline = await openPipeline(undefined, {
    resumeNodes: (input) => {
      asked.push(input);
      return Promise.resolve({ resumed: [resumed] });
    },
  });
  const resume = (...args: unknown[]) =>
    pipeline.current.executeUpdate<ResumeNodesResult, [unknown]>(UPDATE.resumeNodes, {
      args: args as [unknown],
    });
  await expect(resume()).resolves.toEqual({ resumed: [resumed] });
  await resume({ nodes: ['a'], actor: 'ann' });
  expect(asked).toEqual([{}, { nodes: ['a'], actor: 'ann' }]);
  expect((await failureOf(resume({ nodes: [] }))).type).toBe('INPUT_INVALID');
});

test('the id of a run that an earlier coordinator has left is passed over', async () => {
  const pipeline = await openPipeline();
  await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
  await pipeline.signal(SIGNAL.fullRefresh);
  await pipeline.finished(2);
  await pipeline.current.terminate();
  await bench.client.workflow.start<Pipeline>(WORKFLOW.pipeline, {
    taskQueue: pipeline.taskQueue,
    workflowId: pipelineWorkflowId(pipeline.taskQueue),
    args: [],
  });
  const started = await pipeline.requestRun({ transform: {} });
  expect(started.workflowId).toBe(transformWorkflowId(pipeline.taskQueue, 4));
  const { finished } = await pipeline.finished(1);
  expect(finished).toMatchObject([{ number: 4, ...started }]);
});

describe('another database of the same name', () => {
  test('makes the coordinator forget what it knew, and stop what runs', async () => {
    const pipeline = await openPipeline();
    await pipeline.signal(SIGNAL.batchLoaded, batch('1', { databaseUuid: 'old' }));
    await pipeline.finished(1);
    const gate = createGate();
    pipeline.state.hold = gate.opened;
    const running = await pipeline.requestRun({ transform: { select: ['a'] }, databaseUuid: 'old' });
    const waiting = pipeline.requestRun({ transform: { select: ['b'] }, databaseUuid: 'old' });
    await waitFor(async () => (await pipeline.status()).queue.length === 1);
    await pipeline.signal(SIGNAL.batchLoaded, batch('1', { databaseUuid: 'new' }));
    expect((await failureOf(waiting)).type).toBe('DATABASE_REPLACED');
    const old = bench.client.workflow.getHandle(running.workflowId);
    await toldToStop(running.workflowId);
    gate.open();
    const { databaseUuid, finished } = await pipeline.finished(1);
    expect(databaseUuid).toBe('new');
    expect(finished).toMatchObject([{ batchIds: ['1'], state: 'success' }]);
    expect((await old.describe()).status.name).toBe('CANCELLED');
  });
});

describe('continue as new', () => {
  test('after so many runs the next execution goes on where the last one was, and nothing is lost', async () => {
    const pipeline = await openPipeline({ runsPerExecution: 2 });
    const ids = Array.from({ length: 12 }, (_, i) => String(i + 1));
    for (const id of ids) await pipeline.signal(SIGNAL.batchLoaded, batch(id, { planHash: `p${id}` }));
    const { finished } = await pipeline.finished(ids.length);
    expect(finished.flatMap((run) => run.batchIds)).toEqual(ids);
    expect(new Set(finished.map((run) => run.workflowId)).size).toBe(ids.length);
    const { runId } = await pipeline.current.describe();
    expect(runId).not.toBe(pipeline.handle.firstExecutionRunId);
  });

  test('a pause, what waits, and what was cancelled survive it', async () => {
    const pipeline = await openPipeline({ runsPerExecution: 1 });
    const gate = createGate();
    pipeline.state.hold = gate.opened;
    await pipeline.signal(SIGNAL.batchLoaded, batch('1'));
    await waitFor(() => pipeline.planned.length === 1);
    await pipeline.signal(SIGNAL.fullRefresh);
    await pipeline.signal(SIGNAL.pause);
    await pipeline.signal(SIGNAL.cancelRun);
    await toldToStop(transformWorkflowId(pipeline.taskQueue, 1));
    gate.open();
    const { runId } = await waitFor(async () => {
      const now = await pipeline.current.describe();
      return now.runId !== pipeline.handle.firstExecutionRunId && now;
    });
    expect(runId).not.toBe(pipeline.handle.firstExecutionRunId);
    await expect(pipeline.status()).resolves.toMatchObject({
      paused: true,
      queue: [{ number: 2, transform: { fullRefresh: true } }],
      finished: [{ number: 1, batchIds: ['1'], state: 'cancelled' }],
    });
    await pipeline.signal(SIGNAL.resume);
    await pipeline.finished(2);
  });

  test('a request that is asked again under its name is the same run, be it waiting, running or over, and over it', async () => {
    const pipeline = await openPipeline({ runsPerExecution: 1 });
    const request = { transform: { fullRefresh: true }, requestId: 'mine' };
    // As a coordinator that continues as new leaves it: what was asked for is carried over, and was not answered.
    await pipeline.signal(SIGNAL.pause);
    const answers = [pipeline.requestRun(request), pipeline.requestRun(request)];
    await waitFor(async () => (await pipeline.status()).queue.length === 1);
    const gate = createGate();
    pipeline.state.hold = gate.opened;
    await pipeline.signal(SIGNAL.resume);
    await waitFor(() => pipeline.planned.length === 1);
    answers.push(pipeline.requestRun(request));
    gate.open();
    const [first, ...others] = await Promise.all(answers);
    await waitFor(
      async () => (await pipeline.current.describe()).runId !== pipeline.handle.firstExecutionRunId,
    );
    others.push(await pipeline.requestRun(request));
    expect(new Set([first, ...others].map((run) => run?.workflowId)).size).toBe(1);
    const other = await pipeline.requestRun({ ...request, requestId: 'another' });
    expect(other.workflowId).not.toBe(first?.workflowId);
    expect((await pipeline.finished(2)).finished).toHaveLength(2);
  });

  test('a caller that waits is answered first', async () => {
    const pipeline = await openPipeline({ runsPerExecution: 1 });
    await pipeline.signal(SIGNAL.pause);
    const answers = ['a', 'b', 'c'].map((name) => pipeline.requestRun({ transform: { select: [name] } }));
    await waitFor(async () => (await pipeline.status()).queue.length === 3);
    await pipeline.signal(SIGNAL.resume);
    expect(new Set((await Promise.all(answers)).map((run) => run.workflowId)).size).toBe(3);
    await pipeline.finished(3);
  });
});

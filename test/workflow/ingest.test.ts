import { randomUUID } from 'node:crypto';
import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure, WithStartWorkflowOperation, type WorkflowFailedError } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import type { AcceptedBatch, IngestInput, IngestResult } from '../../src/wire/ingest';
import { UPDATE, WORKFLOW } from '../../src/wire/names';
import { waitFor } from '../support/wait-for';
import { createGate, failureOf, openWorkflowBench, type WorkflowBench } from './workflow-worker';

type Ingest = (input?: unknown) => Promise<IngestResult>;

const FILE: IngestInput = { dataset: 'transactions', file: '/data/t.csv' };
const published: IngestResult = {
  batchId: '7',
  dataset: 'transactions',
  file: '/data/t.csv',
  outcome: 'published',
  rowsRead: 3,
  rowsLoaded: 2,
  rowsRejected: 1,
  extraColumns: [],
};

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(() => bench.close());

/** Activities that succeed and keep a list of the calls. */
const recorder = (overrides: Partial<Activities> = {}) => {
  const calls: [string, unknown][] = [];
  const all: Partial<Activities> = {
    acceptBatch: () =>
      Promise.resolve({ batchId: '7', databaseUuid: 'db-1', warehouse: 'w', searchAttributes: false }),
    loadFile: ({ batchId }) =>
      Promise.resolve({ batchId, rowsRead: 3, rowsLoaded: 2, rowsRejected: 1, contentBytes: 99 }),
    publishBatch: () => Promise.resolve(published),
    failBatch: () => Promise.resolve(),
    notifyPipeline: () => Promise.resolve(),
    ...overrides,
  };
  const fakes = Object.fromEntries(
    Object.entries(all).map(([name, act]) => [
      name,
      (input: never) => {
        calls.push([name, input]);
        return act(input);
      },
    ]),
  ) as Partial<Activities>;
  return { calls, names: () => calls.map(([name]) => name), fakes };
};

const startIngest = async (fakes: Partial<Activities>, input: unknown = FILE) => {
  const { taskQueue } = await bench.start(fakes);
  return bench.client.workflow.start<Ingest>(WORKFLOW.ingest, {
    taskQueue,
    workflowId: randomUUID(),
    args: [input],
  });
};

test('a file is accepted, loaded and published, and the coordinator is told', async () => {
  const { calls, fakes } = recorder();
  const handle = await startIngest(fakes, { ...FILE, planHash: 'p' });
  await expect(handle.result()).resolves.toEqual(published);
  const step = { batchId: '7', databaseUuid: 'db-1', dataset: 'transactions' };
  expect(calls).toEqual([
    ['acceptBatch', { ...FILE, planHash: 'p' }],
    ['loadFile', step],
    ['publishBatch', step],
    ['notifyPipeline', { ...step, warehouse: 'w', planHash: 'p' }],
  ]);
});

test('the coordinator is not told when the caller does not want it', async () => {
  const { names, fakes } = recorder();
  const handle = await startIngest(fakes, { ...FILE, transform: false });
  await handle.result();
  expect(names()).toEqual(['acceptBatch', 'loadFile', 'publishBatch']);
});

test.each(['duplicate', 'rejected'] as const)('the coordinator is not told of a %s', async (outcome) => {
  const { names, fakes } = recorder({ publishBatch: () => Promise.resolve({ ...published, outcome }) });
  const handle = await startIngest(fakes);
  await expect(handle.result()).resolves.toMatchObject({ outcome });
  expect(names()).not.toContain('notifyPipeline');
});

test('a load that fails for good marks the batch and fails the workflow with the same failure', async () => {
  const { calls, fakes } = recorder({
    loadFile: () =>
      Promise.reject(ApplicationFailure.nonRetryable('no column "amount"', 'HEADER_MISSING_COLUMN')),
  });
  const failure = await failureOf((await startIngest(fakes)).result());
  expect(failure).toMatchObject({ type: 'HEADER_MISSING_COLUMN', message: 'no column "amount"' });
  expect(calls.at(-1)).toEqual([
    'failBatch',
    { batchId: '7', databaseUuid: 'db-1', errorCode: 'HEADER_MISSING_COLUMN', error: 'no column "amount"' },
  ]);
});

test('a publication that fails for good marks the batch', async () => {
  const { names, fakes } = recorder({
    publishBatch: () => Promise.reject(ApplicationFailure.nonRetryable('gone', 'DATABASE_REPLACED')),
    failBatch: () => Promise.reject(ApplicationFailure.nonRetryable('gone', 'DATABASE_REPLACED')),
  });
  const failure = await failureOf((await startIngest(fakes)).result());
  expect(failure.type).toBe('DATABASE_REPLACED');
  expect(names().at(-1)).toBe('failBatch');
});

test('a failure that waiting can mend is tried again', async () => {
  let tries = 0;
  const { names, fakes } = recorder({
    loadFile: ({ batchId }) =>
      ++tries < 2
        ? Promise.reject(ApplicationFailure.retryable('connection refused', 'DATABASE_UNREACHABLE'))
        : Promise.resolve({ batchId, rowsRead: 3, rowsLoaded: 2, rowsRejected: 1, contentBytes: 99 }),
  });
  await (await startIngest(fakes)).result();
  expect(names().filter((name) => name === 'loadFile')).toHaveLength(2);
  expect(names()).not.toContain('failBatch');
});

test('cancelling stops the load, then marks the batch', async () => {
  const stopped: string[] = [];
  const { names, calls, fakes } = recorder({
    loadFile: async () => {
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        try {
          await context.sleep(50);
        } catch (error) {
          stopped.push('load');
          throw error instanceof CancelledFailure ? error : new Error(String(error));
        }
      }
    },
  });
  const handle = await startIngest(fakes);
  await waitFor(() => names().includes('loadFile'));
  await handle.cancel();
  const error = await handle.result().catch((e: unknown) => e);
  expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  expect(stopped).toEqual(['load']);
  expect(calls.at(-1)).toEqual(['failBatch', expect.objectContaining({ errorCode: 'CANCELLED' })]);
});

describe('update accepted', () => {
  const startAndAccept = async (fakes: Partial<Activities>, input: unknown = FILE) => {
    const { taskQueue } = await bench.start(fakes);
    const operation = new WithStartWorkflowOperation<Ingest>(WORKFLOW.ingest, {
      taskQueue,
      workflowId: randomUUID(),
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const answer = bench.client.workflow.executeUpdateWithStart<Ingest, AcceptedBatch, []>(UPDATE.accepted, {
      args: [],
      startWorkflowOperation: operation,
    });
    return { answer, operation };
  };

  test('answers before the file is loaded', async () => {
    const gate = createGate();
    const { fakes } = recorder({
      loadFile: async ({ batchId }) => {
        await gate.opened;
        return { batchId, rowsRead: 3, rowsLoaded: 2, rowsRejected: 1, contentBytes: 99 };
      },
    });
    const { answer, operation } = await startAndAccept(fakes);
    await expect(answer).resolves.toEqual({ batchId: '7' });
    gate.open();
    await (await operation.workflowHandle()).result();
  });

  test('answers with the failure when the file is not accepted', async () => {
    const { fakes } = recorder({
      acceptBatch: () => Promise.reject(ApplicationFailure.nonRetryable('no dataset x', 'DATASET_UNKNOWN')),
    });
    const { answer, operation } = await startAndAccept(fakes);
    expect(await failureOf(answer)).toMatchObject({ type: 'DATASET_UNKNOWN', message: 'no dataset x' });
    expect(await failureOf((await operation.workflowHandle()).result())).toMatchObject({
      type: 'DATASET_UNKNOWN',
    });
  });

  test('answers with the failure when the input is invalid', async () => {
    const { answer, operation } = await startAndAccept({}, { dataset: 'transactions' });
    expect((await failureOf(answer)).type).toBe('INPUT_INVALID');
    expect((await failureOf((await operation.workflowHandle()).result())).message).toContain('file');
  });
});

import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import { WORKFLOW } from '../../src/wire/names';
import type { ReplayResult } from '../../src/wire/replay';
import { failureOf, openWorkflowBench, type WorkflowBench } from './workflow-worker';

type Replay = (input?: unknown) => Promise<ReplayResult>;

const result: ReplayResult = {
  ...{ replayId: '3', dataset: 'transactions', letters: 4 },
  ...{ replayed: 2, failed: 1, skipped: 1, leftOut: 0 },
};
const STEP = { replayId: '3', databaseUuid: 'db-1', dataset: 'transactions' };

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await openWorkflowBench();
});
afterAll(() => bench.close());

const start = async (input: unknown, overrides: Partial<Activities> = {}) => {
  const calls: [string, unknown][] = [];
  const noted =
    <I, O>(name: string, act: (input: I) => Promise<O>) =>
    (given: I): Promise<O> => {
      calls.push([name, given]);
      return act(given);
    };
  const { taskQueue } = await bench.start({
    requestReplay: noted('requestReplay', () =>
      Promise.resolve({ ...STEP, letters: 4, warehouse: 'w', searchAttributes: false }),
    ),
    loadReplay: noted('loadReplay', overrides.loadReplay ?? (() => Promise.resolve())),
    publishReplay: noted('publishReplay', overrides.publishReplay ?? (() => Promise.resolve(result))),
    failReplay: noted('failReplay', () => Promise.resolve()),
    notifyPipeline: noted('notifyPipeline', () => Promise.resolve()),
  });
  const handle = await bench.client.workflow.start<Replay>(WORKFLOW.replayDeadLetters, {
    taskQueue,
    workflowId: randomUUID(),
    args: [input],
  });
  return { handle, calls, names: () => calls.map(([name]) => name) };
};

test('letters are pinned, loaded and published, and the coordinator is told', async () => {
  const { handle, calls } = await start({ dataset: 'transactions', planHash: 'p' });
  await expect(handle.result()).resolves.toEqual(result);
  expect(calls).toEqual([
    ['requestReplay', { dataset: 'transactions', planHash: 'p' }],
    ['loadReplay', STEP],
    ['publishReplay', STEP],
    [
      'notifyPipeline',
      {
        batchId: 'replay-3',
        dataset: 'transactions',
        databaseUuid: 'db-1',
        warehouse: 'w',
        planHash: 'p',
        priority: 4,
      },
    ],
  ]);
});

test('the coordinator is not told when nothing was published, or the caller does not want it', async () => {
  const publishReplay = (): Promise<ReplayResult> => Promise.resolve({ ...result, replayed: 0 });
  for (const { handle, names } of [
    await start({ replayId: '3' }, { publishReplay }),
    await start({ replayId: '3', transform: false }),
  ]) {
    await handle.result();
    expect(names()).toEqual(['requestReplay', 'loadReplay', 'publishReplay']);
  }
});

test('a replay that fails for good is marked, and the workflow fails with the same failure', async () => {
  const loadReplay = (): Promise<never> =>
    Promise.reject(ApplicationFailure.nonRetryable('no dataset', 'DATASET_UNKNOWN'));
  const { handle, calls } = await start({ replayId: '3' }, { loadReplay });
  expect(await failureOf(handle.result())).toMatchObject({ type: 'DATASET_UNKNOWN' });
  expect(calls.at(-1)).toEqual([
    'failReplay',
    { replayId: '3', databaseUuid: 'db-1', errorCode: 'DATASET_UNKNOWN', error: 'no dataset' },
  ]);
});

test.each([
  [{}, /either dataset or replayId is expected/],
  [{ dataset: 'transactions', replayId: '3' }, /either dataset or replayId/],
  [{ dataset: 'transactions', batch: '3' }, /batch/],
  [{ dataset: 'transactions', ids: ['x'] }, /an id is expected/],
  [{ dataset: 'transactions', since: 'yesterday' }, /a timestamp with an offset/],
])('the input %j is refused', async (input, message) => {
  const { handle } = await start(input);
  expect(await failureOf(handle.result())).toMatchObject({
    type: 'INPUT_INVALID',
    message: expect.stringMatching(message) as string,
  });
});

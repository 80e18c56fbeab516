import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createGuard } from '../../../src/activities/guard';
import { StrataError } from '../../../src/domain/errors';

/** Temporal's own log of failures is left out. */
const mockEnvironment = (): MockActivityEnvironment =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });

const createTestGuard = () => createGuard(pino({ level: 'silent' }));

const failureOf = async (work: Promise<unknown>): Promise<ApplicationFailure> => {
  const error: unknown = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error instanceof ApplicationFailure) return error;
  throw new Error('no application failure', { cause: error });
};

test('what can’t succeed by waiting is not retryable', async () => {
  const guard = createTestGuard();
  const failing = () => guard(() => Promise.reject(new StrataError('FILE_EMPTY', '/t.csv is empty')));
  const failure = await failureOf(mockEnvironment().run(failing));
  expect(failure).toMatchObject({ type: 'FILE_EMPTY', message: '/t.csv is empty', nonRetryable: true });
});

test('an unexpected failure of one activity is retryable a few times', async () => {
  const guard = createTestGuard();
  const failing = () => guard(() => Promise.reject(new TypeError('bug')));
  const tries: (boolean | null | undefined)[] = [];
  for (let i = 0; i < 5; i++) tries.push((await failureOf(mockEnvironment().run(failing))).nonRetryable);
  expect(tries).toEqual([false, false, false, false, true]);
});

test('work that ends by the cancellation is a cancellation, whatever it throws', async () => {
  const guard = createTestGuard();
  const environment = mockEnvironment();
  const work = environment.run(() =>
    guard(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () =>
            reject(Object.assign(new Error('canceling statement'), { code: '57014' })),
          );
        }),
    ),
  );
  environment.cancel();
  await expect(work).rejects.toBeInstanceOf(CancelledFailure);
});

test('a worker that shuts down gives its activity back for another try', async () => {
  const guard = createTestGuard();
  const environment = mockEnvironment();
  const work = environment.run(() =>
    guard(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    ),
  );
  environment.cancel('WORKER_SHUTDOWN');
  expect(await failureOf(work)).toMatchObject({ type: 'WORKER_SHUTDOWN', nonRetryable: false });
});

test('every activity beats, from the first moment on, with its progress', async () => {
  const guard = createTestGuard();
  const environment = mockEnvironment();
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  const plain = () => guard(() => Promise.resolve('plain'));
  const telling = () => guard(() => Promise.resolve('telling'), { progress: () => ({ rows: 1 }) });
  expect(await environment.run(plain)).toBe('plain');
  expect(await environment.run(telling)).toBe('telling');
  expect(beats).toEqual([undefined, { rows: 1 }]);
});

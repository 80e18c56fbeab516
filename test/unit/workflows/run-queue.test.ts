import type { StartedRun } from '../../../src/wire/pipeline';
import type { TransformInput } from '../../../src/wire/transform';
import { meaningOf, type RunEntry } from '../../../src/workflows/run-entry';
import { RunQueue } from '../../../src/workflows/run-queue';

const startedAs = (number: number): StartedRun => ({
  workflowId: `w/${number}`,
  firstExecutionRunId: `r${number}`,
});

const runNext = (queue: RunQueue, state: 'success' | 'failed' | 'cancelled' = 'success'): RunEntry => {
  const entry = queue.takeNext();
  if (entry === undefined) throw new Error('nothing waits');
  queue.markStarted(entry, startedAs(entry.number));
  queue.markEnded(entry, state);
  return entry;
};

describe('what a request means', () => {
  test.each<[TransformInput, TransformInput]>([
    [{}, { command: 'run', fullRefresh: false, select: [], exclude: [], vars: {} }],
    [{ vars: { a: { x: 1, y: 2 } } }, { vars: { a: { y: 2, x: 1 } } }],
    [{ threads: 1 }, { threads: 9, retries: 0, retryIntervalMs: 5 }],
  ])('%j and %j mean the same', (a, b) => expect(meaningOf(a)).toBe(meaningOf(b)));

  test.each<[TransformInput, TransformInput]>([
    [{}, { command: 'test' }],
    [{}, { fullRefresh: true }],
    [{}, { planHash: 'p' }],
    [{ select: ['a'] }, { exclude: ['a'] }],
    [{ vars: { a: 1 } }, { vars: { a: '1' } }],
  ])('%j and %j do not', (a, b) => expect(meaningOf(a)).not.toBe(meaningOf(b)));
});

test('a request that waits takes later ones along, with the settings they name', () => {
  const queue = new RunQueue({});
  queue.enqueue({ retries: 1 }, ['1']);
  queue.enqueue({ threads: 2 }, ['2', '1']);
  expect(queue.takeNext()).toMatchObject({ transform: { retries: 1, threads: 2 }, batchIds: ['1', '2'] });
});

test('a run that has been taken takes nothing more along', () => {
  const queue = new RunQueue({});
  queue.enqueue({}, ['1']);
  const running = queue.takeNext();
  queue.enqueue({}, ['2']);
  expect(running?.batchIds).toEqual(['1']);
  expect(queue.takeNext()).toBeUndefined();
});

describe('the run that covers batches', () => {
  test('is the latest of those that the batches came with', () => {
    const queue = new RunQueue({});
    queue.enqueue({}, ['1']);
    runNext(queue);
    const second = queue.enqueue({}, ['2']);
    expect(queue.covering({}, ['1', '2'])).toBe(second);
    expect(queue.covering({}, ['1'])?.started).toEqual(startedAs(1));
    expect(queue.covering({}, ['3'])).toBeUndefined();
    expect(queue.covering({}, [])).toBeUndefined();
  });

  test('means the same', () => {
    const queue = new RunQueue({});
    queue.enqueue({ planHash: 'p' }, ['1']);
    expect(queue.covering({ planHash: 'q' }, ['1'])).toBeUndefined();
  });

  test('after a failed one is the latest that followed, since it takes in what the failed one left', () => {
    const queue = new RunQueue({});
    queue.enqueue({}, ['1']);
    const failed = runNext(queue, 'failed');
    expect(queue.covering({}, ['1'])?.number).toBe(failed.number);
    const next = queue.enqueue({}, ['2']);
    expect(queue.covering({}, ['1'])).toBe(next);
  });
});

describe('whose turn it is', () => {
  const commands = (entries: readonly RunEntry[]) =>
    entries.map(({ transform }) => (transform.fullRefresh === true ? 'full refresh' : transform.command));

  test('live runs go before full refreshes, these before verifications, as the plan says', () => {
    const queue = new RunQueue({});
    queue.enqueue({ command: 'verify' }, []);
    queue.enqueue({ command: 'run', fullRefresh: true }, []);
    queue.enqueue({ command: 'run' }, ['1']);
    queue.enqueue({ command: 'test' }, []);
    const order = ['run', 'test', 'full refresh', 'verify'];
    expect(commands(queue.inOrder())).toEqual(order);
    expect(commands([runNext(queue), runNext(queue), runNext(queue), runNext(queue)])).toEqual(order);
  });

  test('a request that is more urgent takes the one that waits along', () => {
    const queue = new RunQueue({});
    queue.enqueue({ select: ['a'], priority: 5 }, ['1']);
    queue.enqueue({ select: ['b'] }, []);
    queue.enqueue({ select: ['a'], priority: 2 }, ['2']);
    expect(queue.takeNext()).toMatchObject({ batchIds: ['1', '2'], requests: 2, transform: { priority: 2 } });
  });

  test('one that was passed over five times goes next, also in the next execution', () => {
    let queue = new RunQueue({});
    queue.enqueue({ command: 'verify' }, []);
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      queue.enqueue({ command: 'run' }, [String(i)]);
      taken.push(runNext(queue).transform.command);
      queue = new RunQueue(JSON.parse(JSON.stringify(queue.carryOver())) as object);
    }
    expect(taken).toEqual(['run', 'run', 'run', 'run', 'run', 'verify', 'run']);
  });

  test('without priorities, the order of their coming', () => {
    const queue = new RunQueue({});
    queue.enqueue({ command: 'verify' }, []);
    queue.enqueue({ command: 'run' }, []);
    expect(queue.takeNext(false)?.transform.command).toBe('verify');
  });
});

describe('a run that is cancelled', () => {
  test('is dropped where it waits, and its batches go with the next one', () => {
    const queue = new RunQueue({});
    queue.enqueue({ select: ['x'] }, []);
    const waiting = queue.enqueue({}, ['1']);
    expect(queue.find(2)).toBe(waiting);
    queue.drop(waiting);
    expect(waiting.dropped).toBe('cancelled');
    expect(queue.status('w').queue.map((run) => run.number)).toEqual([1]);
    expect(queue.covering({}, ['1'])).toBeUndefined();
  });

  test('is remembered as cancelled once it had started', () => {
    const queue = new RunQueue({});
    expect(queue.find(undefined)).toBeUndefined();
    queue.enqueue({}, ['1']);
    const entry = runNext(queue, 'cancelled');
    expect(entry.ended).toBe('cancelled');
    expect(queue.status('w').finished).toMatchObject([{ number: 1, state: 'cancelled' }]);
    const next = queue.enqueue({}, ['2']);
    expect(queue.covering({}, ['1'])).toBe(next);
  });
});

test('numbers that are taken are passed over by all that waits', () => {
  const queue = new RunQueue({});
  queue.enqueue({ select: ['a'] }, []);
  queue.enqueue({ select: ['b'] }, []);
  const first = queue.takeNext() as RunEntry;
  queue.skipNumbers(first, 3);
  expect(first.number).toBe(4);
  expect(queue.status('w').queue.map((run) => run.number)).toEqual([4, 5]);
  expect(queue.enqueue({ select: ['c'] }, []).number).toBe(6);
});

test('another database drops what waits, and forgets what ran', () => {
  const queue = new RunQueue({});
  expect(queue.observeDatabase('a')).toBe(false);
  queue.enqueue({}, ['1']);
  runNext(queue);
  queue.enqueue({ select: ['x'] }, []);
  const running = queue.takeNext() as RunEntry;
  const waiting = queue.enqueue({}, ['2']);
  expect(queue.observeDatabase('b')).toBe(true);
  expect(waiting.dropped).toBe('database-replaced');
  expect(queue.status('w')).toMatchObject({ databaseUuid: 'b', queue: [], finished: [] });
  queue.markStarted(running, startedAs(2));
  queue.markEnded(running, 'failed');
  expect(queue.status('w').finished).toEqual([]);
  expect(queue.enqueue({}, []).number).toBe(4);
});

test('what is carried over makes an equal queue', () => {
  const queue = new RunQueue({});
  queue.observeDatabase('a');
  queue.enqueue({}, ['1']);
  runNext(queue);
  queue.enqueue({ threads: 3 }, ['2']);
  queue.paused = true;
  const carried = JSON.parse(JSON.stringify(queue.carryOver())) as ConstructorParameters<typeof RunQueue>[0];
  expect(new RunQueue(carried).carryOver()).toEqual(queue.carryOver());
});

test('only the last runs are remembered', () => {
  const queue = new RunQueue({});
  for (let i = 1; i <= 60; i++) {
    queue.enqueue({}, [String(i)]);
    runNext(queue);
  }
  const { finished } = queue.status('w');
  expect(finished).toHaveLength(50);
  expect(finished[0]?.number).toBe(11);
});

test('a run that is being started is shown: first as waiting, then as running', () => {
  const queue = new RunQueue({});
  queue.enqueue({}, ['1']);
  const entry = queue.takeNext() as RunEntry;
  expect(queue.status('w')).toMatchObject({ queue: [{ number: 1, batchIds: ['1'] }] });
  expect(queue.status('w').running).toBeUndefined();
  expect(queue.carryOver().queue).toEqual([]);
  queue.markStarted(entry, startedAs(1));
  expect(queue.status('w')).toMatchObject({ queue: [], running: { number: 1, batchIds: ['1'] } });
});

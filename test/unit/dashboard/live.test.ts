import { createAnswerCache } from '../../../src/dashboard/answer-cache';
import { concerns } from '../../../src/dashboard/concerns';
import { createEventHub } from '../../../src/dashboard/event-hub';

describe('the hub', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('of a burst of equal changes tells the first at once and one at the end', () => {
    const hub = createEventHub();
    const told: string[] = [];
    hub.subscribe(({ change }) => told.push(change));
    for (let n = 0; n < 20; n += 1) hub.tell('runs');
    hub.tell('batches');
    expect(told).toEqual(['runs', 'batches']);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['runs', 'batches', 'runs']);
    hub.close();
  });

  test('who was away is told what came since, in its order; of another server or too long ago nobody knows', () => {
    const hub = createEventHub();
    const seen = hub.newestId();
    for (let n = 0; n < 3; n += 1) hub.tell(`data t${n}`);
    expect(hub.since(seen)?.map(({ change }) => change)).toEqual(['data t0', 'data t1', 'data t2']);
    expect(hub.since(hub.newestId())).toEqual([]);
    expect(hub.since('another-1')).toBeUndefined();
    expect(hub.since(undefined)).toBeUndefined();
    expect(hub.since(seen.replace(/\d+$/, '99'))).toBeUndefined();
    for (let n = 0; n < 1_200; n += 1) hub.tell(`data u${n}`);
    expect(hub.since(seen)).toBeUndefined();
    hub.close();
  });
});

describe('the cache of answers', () => {
  const counted = () => {
    let made = 0;
    const make = async () => ({ made: (made += 1) });
    return { make, made: () => made };
  };

  test('makes one answer for all who ask until a topic of it changes', async () => {
    const cache = createAnswerCache();
    const { make, made } = counted();
    const how = { topics: ['data', 'runs'], ttlMs: 1_000, make };
    const answers = await Promise.all([cache.get('/x', how), cache.get('/x', how), cache.get('/x', how)]);
    expect(new Set(answers).size).toBe(1);
    cache.forget('letters');
    await cache.get('/x', how);
    expect(made()).toBe(1);
    cache.forget('data platinum.mart');
    const anew = await cache.get('/x', how);
    expect(made()).toBe(2);
    expect(anew.etag).not.toBe(answers[0]?.etag);
  });

  test('an answer in the making when a change comes is for those who asked before', async () => {
    const cache = createAnswerCache();
    let finish: (value: string) => void = () => undefined;
    const slow = new Promise<string>((resolve) => (finish = resolve));
    const before = cache.get('/x', { topics: ['runs'], ttlMs: 1_000, make: () => slow });
    cache.forget('runs');
    const after = await cache.get('/x', { topics: ['runs'], ttlMs: 1_000, make: async () => 'new' });
    finish('old');
    expect(String((await before).body)).toBe('"old"');
    expect(String(after.body)).toBe('"new"');
    const third = await cache.get('/x', { topics: ['runs'], ttlMs: 1_000, make: async () => 'third' });
    expect(String(third.body)).toBe('"new"');
  });

  test('a failure is not kept, and nothing beyond its time', async () => {
    let now = 0;
    const cache = createAnswerCache(() => now);
    const failing = { topics: [], ttlMs: 1_000, make: () => Promise.reject(new Error('no')) };
    await expect(cache.get('/x', failing)).rejects.toThrow('no');
    const { make, made } = counted();
    const how = { topics: [], ttlMs: 1_000, make };
    await cache.get('/x', how);
    now = 1_001;
    await cache.get('/x', how);
    expect(made()).toBe(2);
  });
});

test.each([
  ['data platinum.mart', ['data'], true],
  ['data platinum.mart', ['data platinum.mart'], true],
  ['data platinum.mart', ['data platinum.mart2'], false],
  ['data platinum.mart2', ['data platinum.mart'], false],
  ['runs', ['data', 'runs'], true],
  ['reset', ['letters'], true],
  ['reset', [], true],
])('%s concerns %j: %s', (change, topics, expected) => {
  expect(concerns(change, topics)).toBe(expected);
});

import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Arrivals, watchArrivals } from '../../../src/cli/arrivals';

/** So long that a test which waits for it fails by its own time limit. */
const FOREVER_MS = 600_000;

describe('arrivals in an inbox', () => {
  let ending: AbortController;
  let folder: string;
  let arrivals: Arrivals;

  const put = (name: string): void => writeFileSync(join(folder, name), 'a\n1\n');
  const next = (atMostMs = FOREVER_MS): Promise<void> => arrivals.next(atMostMs, ending.signal);
  /** Resolves once the system has told of this name: to all who watch the folder, in one go. */
  const toldOf = (name: string): Promise<void> =>
    new Promise((resolve) => {
      const watcher = watch(folder, (_, told) => {
        if (told !== name) return;
        watcher.close();
        resolve();
      });
    });

  beforeEach(async () => {
    ending = new AbortController();
    folder = mkdtempSync(join(tmpdir(), 'strata-arrivals-'));
    arrivals = watchArrivals(folder);
    await next();
  });

  afterEach(() => {
    ending.abort();
    arrivals.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(['t.csv', 't.csv.gz'])('%s that is written there ends the waiting', async (name) => {
    const waiting = next();
    put(name);
    await expect(waiting).resolves.toBeUndefined();
  });

  test('so does one that is renamed into place', async () => {
    put('.t.part');
    const waiting = next();
    renameSync(join(folder, '.t.part'), join(folder, 't.csv'));
    await expect(waiting).resolves.toBeUndefined();
  });

  test('one that came before the waiting began is not waited for', async () => {
    const told = toldOf('t.csv');
    put('t.csv');
    await told;
    await expect(next()).resolves.toBeUndefined();
  });

  test('what is being written, is nothing to load, or has gone again is no arrival', async () => {
    let waits = true;
    const waiting = next().then(() => (waits = false));
    const told = toldOf('last.txt');
    for (const name of ['.hidden.csv', 't.csv.part', 'gone.csv', 'last.txt']) put(name);
    unlinkSync(join(folder, 'gone.csv'));
    await told;
    await new Promise(setImmediate);
    expect(waits).toBe(true);
    put('t.csv');
    await waiting;
  });

  test('a command that is interrupted waits no longer', async () => {
    const interrupt = new AbortController();
    const waiting = arrivals.next(FOREVER_MS, interrupt.signal);
    interrupt.abort();
    await expect(waiting).resolves.toBeUndefined();
  });

  test.each([undefined, 's3://bucket/prefix', '/nowhere/at/all'])(
    'of %s nobody tells, and time alone ends the waiting',
    async (inbox) => {
      const byTime = watchArrivals(inbox);
      await expect(byTime.next(1, ending.signal)).resolves.toBeUndefined();
      byTime.close();
    },
  );

  test('what watches the folder goes on; where another one has taken its path, that one is watched', async () => {
    expect(watchArrivals(folder, arrivals)).toBe(arrivals);
    renameSync(folder, `${folder}-before`);
    mkdirSync(folder);
    const before = arrivals;
    arrivals = watchArrivals(folder, before);
    rmSync(`${folder}-before`, { recursive: true });
    expect(arrivals).not.toBe(before);
    // It may have missed some: the first call looks at once.
    await next();
    const waiting = next();
    put('t.csv');
    await expect(waiting).resolves.toBeUndefined();
  });
});

import fc from 'fast-check';
import { type FreshnessFacts, type FreshnessRules, judgeFreshness } from '../../../src/domain/freshness';

const HOUR = 3_600;
const LIMITS = { warnAfterSeconds: 12 * HOUR, errorAfterSeconds: 24 * HOUR };
const RULES: FreshnessRules = { arrival: LIMITS, events: { ...LIMITS, isOwn: false } };

const loaded = (hours: number): FreshnessFacts['load'] => ({ batchId: '7', ageSeconds: hours * HOUR });
const facts = (own: Partial<FreshnessFacts>): FreshnessFacts => ({
  load: null,
  repeat: null,
  unfinished: null,
  lastFileAgeSeconds: own.unfinished?.ageSeconds ?? own.load?.ageSeconds ?? null,
  eventAgeSeconds: null,
  ...own,
});
const came = (
  hours: number,
  state: 'running' | 'failed' | 'rejected',
  more: { error?: string; audience?: 'sender' | 'author' | 'operator' } = {},
): FreshnessFacts['unfinished'] => ({
  ...{ batchId: '9', ageSeconds: hours * HOUR, state, error: more.error ?? null },
  ...(more.audience === undefined ? {} : { audience: more.audience }),
});
const replayed = (hours: number): FreshnessFacts['repeat'] => ({
  ...{ kind: 'replay', batchId: null, ageSeconds: hours * HOUR },
});

describe('the status is that of the newest load', () => {
  test.each([
    [0, 'pass', 'fresh'],
    [12, 'pass', 'fresh'],
    [12.01, 'warn', 'source_silent'],
    [24, 'warn', 'source_silent'],
    [24.01, 'error', 'source_silent'],
  ])('%d hours after it: %s', (hours, status, diagnosis) => {
    expect(judgeFreshness(facts({ load: loaded(hours) }), RULES)).toMatchObject({ status, diagnosis });
  });

  test('of what was never loaded it is the worst that is declared', () => {
    const of = (arrival: FreshnessRules['arrival']) => judgeFreshness(facts({}), { ...RULES, arrival });
    expect(of(LIMITS)).toMatchObject({ status: 'error', diagnosis: 'never_loaded', batchId: null });
    expect(of({ ...LIMITS, errorAfterSeconds: null })).toMatchObject({ status: 'warn' });
  });
});

describe('the diagnosis tells who has to act', () => {
  test.each<[string, Partial<FreshnessFacts>, string, string]>([
    ['no file came', { load: loaded(30) }, 'source_silent', 'its last load, batch 7, was 1 d ago'],
    [
      'a file came and its batch failed',
      {
        load: loaded(30),
        unfinished: came(2, 'failed', { error: 'DATASET_INVALID: x', audience: 'author' }),
      },
      'pipeline_failed',
      'batch 9 came 2 h ago and failed: DATASET_INVALID: x',
    ],
    [
      'a file came and is stuck',
      { load: loaded(30), unfinished: came(2, 'running') },
      'pipeline_failed',
      'batch 9 came 2 h ago and is not published yet: it is stuck',
    ],
    [
      'a file came just now',
      { load: loaded(30), unfinished: came(0.1, 'running') },
      'loading',
      'batch 9 came 6 min ago and is being loaded',
    ],
    [
      'a file was damaged',
      { load: loaded(30), unfinished: came(2, 'failed', { error: 'FILE_CORRUPT: x', audience: 'sender' }) },
      'file_refused',
      'was refused: FILE_CORRUPT: x',
    ],
    [
      'a file had too many bad rows',
      { load: loaded(30), unfinished: came(2, 'rejected', { error: 'BATCH_REJECTED: x' }) },
      'file_refused',
      'was refused: BATCH_REJECTED: x',
    ],
    [
      'only dead letters were replayed',
      { load: loaded(30), repeat: replayed(1) },
      'replayed_only',
      'nothing new for 1 d; a replay of dead letters 1 h ago is no sign of life of the source',
    ],
    [
      'a batch failed so long ago that the source is silent since',
      { load: loaded(60), unfinished: came(48, 'failed', { error: 'X: y', audience: 'operator' }) },
      'source_silent',
      'batch 9 came 2 d ago and failed: X: y',
    ],
    [
      'the first file ever failed',
      { unfinished: came(48, 'failed', { error: 'X: y', audience: 'operator' }) },
      'pipeline_failed',
      'batch 9 came 2 d ago',
    ],
    [
      'only a known content came',
      { load: loaded(30), lastFileAgeSeconds: HOUR },
      'source_silent',
      'the file that came 1 h ago held nothing new',
    ],
  ])('%s', (_what, own, diagnosis, message) => {
    const verdict = judgeFreshness(facts(own), RULES);
    expect(verdict).toMatchObject({ status: 'error', diagnosis });
    expect(verdict.message).toContain(message);
  });

  test('a failure that is no cause of anything yet is told all the same', () => {
    const own = { load: loaded(1), unfinished: came(0.5, 'failed', { error: 'X: y' }) };
    expect(judgeFreshness(facts(own), RULES)).toMatchObject({
      ...{ status: 'pass', diagnosis: 'fresh' },
      message: 'batch 7 was loaded 1 h ago; batch 9 came 30 min ago and failed: X: y',
    });
  });
});

describe('data that comes in time and is old', () => {
  const old = facts({ load: loaded(1), eventAgeSeconds: 100 * HOUR });

  test('is warned of, as the limits were not made for it', () => {
    expect(judgeFreshness(old, RULES)).toMatchObject({
      ...{ status: 'warn', diagnosis: 'data_old', batchId: '7' },
      message: 'batch 7 was loaded 1 h ago, but the latest time in the data is 4 d old',
    });
  });

  test('is an error beyond limits of its own', () => {
    const own = (hours: number): FreshnessRules => ({
      ...RULES,
      events: { warnAfterSeconds: null, errorAfterSeconds: hours * HOUR, isOwn: true },
    });
    expect(judgeFreshness(old, own(99))).toMatchObject({ status: 'error', diagnosis: 'data_old' });
    expect(judgeFreshness(old, own(100))).toMatchObject({ status: 'pass', diagnosis: 'fresh' });
  });

  test('does not hide that nothing comes any more', () => {
    const silent = facts({ load: loaded(30), eventAgeSeconds: 100 * HOUR });
    expect(judgeFreshness(silent, RULES)).toMatchObject({ status: 'error', diagnosis: 'source_silent' });
  });
});

describe('for whatever the ledger knows', () => {
  const ageOf = fc.option(fc.integer({ min: 0, max: 100 }));
  const anyFacts = fc
    .record({
      load: ageOf,
      repeat: ageOf,
      unfinished: ageOf,
      state: fc.constantFrom('running' as const, 'failed' as const, 'rejected' as const),
      event: ageOf,
    })
    .map(({ load, repeat, unfinished, state, event }) =>
      facts({
        load: load === null ? null : loaded(load),
        repeat: repeat === null ? null : replayed(repeat),
        unfinished: unfinished === null ? null : came(unfinished, state),
        eventAgeSeconds: event === null ? null : event * HOUR,
      }),
    );
  const order = ['pass', 'warn', 'error'];

  test('a replay, or a batch that is not published, never changes the status', () => {
    fc.assert(
      fc.property(anyFacts, (known) => {
        const { status } = judgeFreshness(known, RULES);
        expect(judgeFreshness({ ...known, repeat: null, unfinished: null }, RULES).status).toBe(status);
      }),
    );
  });

  test('time alone never makes a source fresher', () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 0, max: 50 }), (known, hours) => {
        const later = <T extends { ageSeconds: number } | null>(x: T): T =>
          x && { ...x, ageSeconds: x.ageSeconds + hours * HOUR };
        const then = {
          ...known,
          load: later(known.load),
          eventAgeSeconds: known.eventAgeSeconds === null ? null : known.eventAgeSeconds + hours * HOUR,
        };
        const before = order.indexOf(judgeFreshness(known, RULES).status);
        expect(order.indexOf(judgeFreshness(then, RULES).status)).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  test('only a source that passes is called fresh, and every status has its reason', () => {
    fc.assert(
      fc.property(anyFacts, (known) => {
        const { status, diagnosis, message } = judgeFreshness(known, RULES);
        expect(diagnosis === 'fresh').toBe(status === 'pass');
        expect(message).not.toBe('');
      }),
    );
  });
});

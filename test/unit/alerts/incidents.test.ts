import { alertMessage } from '../../../src/domain/alert-message';
import { mailOf, slackDocument } from '../../../src/domain/alert-formats';
import {
  type Incident,
  incidentOf,
  lookAgainAt,
  type Moment,
  mutedUntil,
  observe,
  openIncident,
  passTime,
} from '../../../src/domain/incidents';
import { freshnessFindings } from '../../../src/domain/freshness-findings';
import { liftedConditions, runFindings, suspendedConditions } from '../../../src/domain/run-findings';
import { Condition } from '../../../src/wire/alerts';
import type { SourceFreshness } from '../../../src/wire/freshness';
import type { NodeResult, SuspendedNode } from '../../../src/wire/transform';

const HOUR = 3_600_000;
const at = (hours: number, mutes: Moment['mutes'] = []): Moment => ({ nowMs: hours * HOUR, mutes });
const failure = (subject: string, more: Partial<Condition> = {}): Condition => ({
  kind: 'failure',
  subject,
  state: 'firing',
  ...more,
});
const opened = (condition: Condition, moment = at(0)): Incident => openIncident(condition, moment).incident;

describe('a run', () => {
  const result = (name: string, state: NodeResult['state'], rootCause?: string): NodeResult => ({
    ...{ nodeId: name, name, label: name, kind: 'model', materialized: 'table', state },
    ...{ durationMs: 1, attempts: 1, message: `${name} ${state}`, ...(rootCause ? { rootCause } : {}) },
  });

  test('whose node fails with ten descendants says one thing is wrong', () => {
    const skipped = Array.from({ length: 10 }, (_, i) => result(`child${i}`, 'skipped', 'root'));
    const { wrong } = runFindings({ runId: 'r', results: [result('root', 'failed'), ...skipped] });
    expect(wrong).toHaveLength(1);
    expect(wrong[0]?.affected).toHaveLength(10);
  });

  test('says no more than the alerter takes, however long a message is', () => {
    const message = 'x'.repeat(10_000);
    const source = { ...({} as SourceFreshness), source: 'raw.t', status: 'error' as const, batchId: null };
    const wrong = [
      ...runFindings({ runId: 'r', results: [{ ...result('root', 'failed'), message }] }).wrong,
      ...freshnessFindings('c', [{ ...source, message }]).wrong,
      ...suspendedConditions([{ ...({} as SuspendedNode), nodeId: 'n', label: message, failures: 3 }], 'r'),
    ];
    expect(wrong.map(({ summary }) => summary?.length)).toEqual([2_000, 2_000, 2_000]);
    for (const condition of wrong) expect(Condition.safeParse(condition).success).toBe(true);
  });
});

describe('people are told', () => {
  test('of the first of a streak, not of its repeats, and of its end', () => {
    const first = openIncident(failure('a', { observation: '1' }), at(0));
    expect(first.event).toBe('firing');
    const again = observe(first.incident, failure('a', { observation: '2' }), at(1));
    expect([again.event, again.incident.seen]).toEqual([undefined, 2]);
    const same = observe(again.incident, failure('a', { observation: '2' }), at(1));
    expect(same.incident).toBe(again.incident);
    const ended = observe(again.incident, failure('a', { state: 'ok' }), at(2));
    expect([ended.event, ended.incident.state]).toEqual(['resolved', 'resolved']);
  });

  test('when a warning becomes an error', () => {
    const { event } = observe(opened(failure('a', { severity: 'warn' })), failure('a'), at(1));
    expect(event).toBe('escalated');
  });

  test('not that a change of columns stayed', () => {
    const drift = failure('a', { kind: 'schema-drift' });
    expect(observe(opened(drift), { ...drift, state: 'ok' }, at(1)).event).toBeUndefined();
  });

  test('again after a while, until somebody looks after it', () => {
    const incident = opened(failure('a'));
    expect(passTime(incident, at(3), 4 * HOUR).event).toBeUndefined();
    expect(lookAgainAt(incident, at(3), 4 * HOUR)).toBe(4 * HOUR);
    expect(passTime(incident, at(4), 4 * HOUR).event).toBe('reminder');
    expect(passTime(incident, at(400), undefined).event).toBeUndefined();
    const acked = { ...incident, acked: true };
    expect(passTime(acked, at(4), 4 * HOUR).event).toBeUndefined();
    expect(lookAgainAt(acked, at(3), 4 * HOUR)).toBeUndefined();
  });
});

describe('a mute', () => {
  const mutes = [{ subject: 'raw.*', kind: 'failure' as const, untilMs: 2 * HOUR }];

  test('suppresses the message, not the incident; when it ends people are told', () => {
    const { incident, event } = openIncident(failure('raw.t'), at(1, mutes));
    expect([incident.state, incident.toldAtMs, event]).toEqual(['firing', undefined, undefined]);
    expect(lookAgainAt(incident, at(1, mutes), undefined)).toBe(2 * HOUR);
    expect(passTime(incident, at(1.5, mutes), undefined).event).toBeUndefined();
    expect(passTime(incident, at(2, mutes), undefined).event).toBe('firing');
  });

  test('of what nobody was told of ends without a message', () => {
    const incident = opened(failure('raw.t'), at(1, mutes));
    expect(observe(incident, failure('raw.t', { state: 'ok' }), at(3, mutes)).event).toBeUndefined();
  });

  test.each([
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', 'anything.at all', true],
    ['raw.*', 'raw.t', true],
    ['raw.*', 'draw.t', false],
    ['*.t', 'raw.t', true],
    ['m.*.d*m', 'm.echo.dim', true],
    ['m.*.d*m', 'm.echo.dimension', false],
    ['ab*ba', 'aba', false],
    ['.*', 'xy', false],
    ['**', '', true],
  ])('of %s mutes %s: %s', (subject, of, isMuted) => {
    const moment = at(0, [{ subject, untilMs: HOUR }]);
    expect(mutedUntil({ kind: 'failure', subject: of }, moment) !== undefined).toBe(isMuted);
  });
});

test('a consequence that is told before its cause is part of the same incident', () => {
  const stale = failure('raw.t', { kind: 'freshness', cause: { kind: 'failure', subject: 't' } });
  const incident = opened(stale);
  expect(incidentOf([incident], failure('t'))).toBe(incident);
  expect(incidentOf([incident], failure('other'))).toBeUndefined();
});

test('a condition that comes back, while what it has brought is still wrong, is part of the incident it has opened', () => {
  const stale = failure('raw.t', { kind: 'freshness', cause: { kind: 'failure', subject: 't' } });
  const both = observe(opened(stale), failure('t'), at(1)).incident;
  const { incident } = observe(both, { ...stale, state: 'ok' }, at(2));
  expect(incident).toMatchObject({ state: 'firing', kind: 'freshness', conditions: [{ kind: 'failure' }] });
  expect(incidentOf([incident], failure('raw.t', { kind: 'freshness' }))).toBe(incident);
});

test('who resumes a node says that its failures are over: those before, not one that came since', () => {
  const lifted = [{ nodeId: 'n', because: 'resumed', liftedAtMs: HOUR } as const];
  const suspended = { kind: 'suspended', subject: 'n', state: 'ok' };
  const before = observe(opened(failure('n')), failure('n'), at(1)).incident;
  expect(liftedConditions(lifted, [before])).toEqual([suspended, failure('n', { state: 'ok' })]);
  expect(liftedConditions(lifted, [opened(failure('n'), at(2))])).toEqual([suspended]);
});

describe('a message', () => {
  const incident = {
    ...opened(
      failure('gold.dim', { summary: 'it\nbroke', affected: Array.from({ length: 300 }, (_, i) => `m${i}`) }),
    ),
    incidentId: '7',
    runId: 'r1',
  };
  const message = alertMessage(incident, { event: 'firing', warehouse: 'w', nowMs: 0 });

  test('stays small, whatever is held up', () => {
    expect(message.affected).toHaveLength(200);
    expect(JSON.stringify(slackDocument(message)).length).toBeLessThan(12_000);
    const long = alertMessage(
      { ...incident, summary: 'x'.repeat(1e6) },
      { event: 'firing', warehouse: 'w', nowMs: 0 },
    );
    expect(Math.max(...slackDocument(long).blocks.map((b) => JSON.stringify(b).length))).toBeLessThan(3_100);
    expect(mailOf(long).text.length).toBeLessThan(10_000);
  });

  test('without words has no empty block, which Slack refuses', () => {
    const { blocks } = slackDocument({ ...message, summary: ' ', affected: [] });
    expect(blocks.map(({ type }) => type)).toEqual(['section', 'context']);
  });

  test('says in a mail what is wrong, what is held up, and how to go on', () => {
    const { subject, text } = mailOf({ ...message, title: 'two\r\nBcc: x' });
    expect(subject).toBe('[strata w] two Bcc: x');
    expect(text).toContain('Held up by it (200 models): m0, ');
    expect(text).toContain('180 more');
    expect(text).toContain('incident 7 · run r1');
    expect(text).toContain('strata alerts ack 7');
  });
});

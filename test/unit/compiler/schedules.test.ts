import { parseSchedules } from '../../../src/compiler/schedules';
import { isStrataError } from '../../../src/domain/errors';
import { SCHEDULE_KINDS } from '../../../src/domain/schedule-kinds';
import { readText } from '../docs/markdown';

const parse = (text: string) => parseSchedules({ path: 'schedules.yml', text });
const problemOf = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    if (isStrataError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'none';
};
const one = (...lines: string[]): string => `schedules:\n  a:\n${lines.map((l) => `    ${l}\n`).join('')}`;

test('a schedule has the policy of its kind, unless it says otherwise', () => {
  expect(parse(one('kind: maintenance', "cron: '0 3 * * *'", 'time_zone: Europe/Berlin'))).toMatchObject([
    {
      name: 'a',
      kind: 'maintenance',
      times: { cron: ['0 3 * * *'], timeZone: 'Europe/Berlin' },
      policy: { overlap: 'skip', catchupMs: 12 * 3_600_000, jitterMs: 600_000 },
      paused: false,
    },
  ]);
  const [own] = parse(
    one('kind: verify', 'every: 1d', 'offset: 2h', 'overlap: buffer_one', 'jitter: 0s', 'catchup_window: 1h'),
  );
  expect(own?.times).toEqual({
    everyMs: 86_400_000,
    offsetMs: 7_200_000,
    cron: [],
    calendars: [],
    timeZone: 'UTC',
  });
  expect(own?.policy).toEqual({ overlap: 'buffer_one', catchupMs: 3_600_000, jitterMs: 0 });
});

test('a range of a calendar ends where it says, or where it starts; numbers and names are the same', () => {
  const calendarOf = (text: string): unknown =>
    parse(one('kind: verify', `calendar: ${text}`))[0]?.times.calendars[0];
  expect(calendarOf('{ hour: { start: 0 }, day_of_week: [0, { start: friday, end: 6 }] }')).toEqual({
    hour: { start: 0, end: 0 },
    dayOfWeek: ['SUNDAY', { start: 'FRIDAY', end: 'SATURDAY' }],
  });
  expect(calendarOf("{ month: 3, day_of_month: { start: 1, end: 15, step: 7 }, hour: '*' }")).toEqual({
    month: 'MARCH',
    dayOfMonth: { start: 1, end: 15, step: 7 },
    hour: '*',
  });
});

test.each([
  ['{ hour: 24 }', 'calendar.0.hour: a number from 0 to 23 is expected'],
  ['{ hour: { start: 5, end: 24 } }', 'calendar.0.hour: a number from 0 to 23 is expected'],
  ['{ hour: { start: 5, end: 4 } }', 'calendar.0.hour: its end is before its start'],
  ['{ day_of_week: FRIDAYY }', 'calendar.0.day_of_week: a number from 0 to 6, or a name such as SUNDAY,'],
  ['{ hours: 2 }', 'Unrecognized key'],
])('the calendar %s is refused, with the reason', (text, why) => {
  expect(() => parse(one('kind: verify', `calendar: ${text}`))).toThrow(why);
});

test('an archive is of all models or of one, is made up for late, and goes on alone', () => {
  expect(parse(one('kind: archive', 'every: 1d', 'model: fct'))).toMatchObject([
    { kind: 'archive', model: 'fct', policy: { overlap: 'skip', catchupMs: 12 * 3_600_000 } },
  ]);
  expect(problemOf(one('kind: run', 'every: 1d', 'model: fct'))).toContain(
    'schedules.a.model: it is no setting of kind run',
  );
  expect(problemOf(one('kind: archive', 'every: 1d', 'only_if: STRATA_HOST'))).toContain(
    'schedules.a.only_if: one of STRATA_INBOX, STRATA_ARCHIVE is expected',
  );
});

test('runs that are told their time all wait; of others one; a full refresh makes another one needless', () => {
  const overlap = (...lines: string[]) => parse(one('kind: run', 'every: 1h', ...lines))[0]?.policy.overlap;
  expect([overlap('time_var: at'), overlap(), overlap('full_refresh: true')]).toEqual([
    'buffer_all',
    'buffer_one',
    'skip',
  ]);
});

test.each([
  [
    'an unknown kind',
    one('every: 1m', 'kind: backup'),
    'schedules.yml:4: schedules.a.kind: one of freshness, inbox',
  ],
  [
    'a setting that there is not',
    one('kind: inbox', 'evry: 1m'),
    'schedules.yml:3: schedules.a: Unrecognized key',
  ],
  ['no time at all', one('kind: inbox'), 'schedules.a: it says no time: every, cron or calendar is expected'],
  [
    'a duration without a unit',
    one('kind: inbox', 'every: 5'),
    'schedules.yml:4: schedules.a.every: a duration such as',
  ],
  [
    'a time zone that there is not',
    one('kind: run', 'every: 1h', 'time_zone: Mars/Base'),
    'schedules.yml:5: schedules.a.time_zone: a time zone such as',
  ],
  [
    'an offset beyond the interval',
    one('kind: run', 'every: 1h', 'offset: 2h'),
    'schedules.yml:5: schedules.a.offset: it goes with every, and is less',
  ],
  [
    'a setting of another kind',
    one('kind: inbox', 'every: 1m', 'full_refresh: true'),
    'schedules.yml:5: schedules.a.full_refresh: it is no setting of kind inbox',
  ],
  [
    'jitter where times count',
    one('kind: freshness', 'every: 1h', 'jitter: 1m'),
    'schedules.yml:5: schedules.a.jitter: its times can be backfilled',
  ],
  [
    'a check that comes so late that it is a backfill',
    one('kind: freshness', 'every: 1h', 'catchup_window: 15m'),
    'schedules.yml:5: schedules.a.catchup_window: a check that is 15 minutes late',
  ],
  [
    'checks that wait in a line',
    one('kind: freshness', 'every: 1h', 'overlap: buffer_all'),
    'schedules.a.overlap: one that has waited says nothing',
  ],
  [
    'looks that wait in a line',
    one('kind: inbox', 'every: 1m', 'overlap: buffer_one'),
    'schedules.a.overlap: one that has waited says nothing',
  ],
  [
    'an overlap that stops what goes on',
    one('kind: run', 'every: 1h', 'overlap: terminate_other'),
    'schedules.a.overlap: one of skip, buffer_one',
  ],
  [
    'a name that is no part of an id',
    'schedules:\n  A b:\n    kind: inbox\n    every: 1m\n',
    'schedules.A b: a name is lower-case letters',
  ],
  ['no YAML', 'schedules: [', 'schedules.yml:1: '],
])('%s is refused with file and line', (_, text, expected) => {
  expect(problemOf(text)).toContain(`PROJECT_INVALID schedules.yml:`);
  expect(problemOf(text)).toContain(expected);
});

test("Echo's schedules have one of each kind, the inbox and the archive only where there is one", () => {
  const schedules = parse(readText('sql/schedules.yml'));
  expect(schedules.map(({ kind }) => kind).sort()).toEqual([...SCHEDULE_KINDS].sort());
  expect(schedules.flatMap(({ kind, onlyIf }) => (onlyIf === undefined ? [] : [[kind, onlyIf]]))).toEqual([
    ['inbox', 'STRATA_INBOX'],
    ['archive', 'STRATA_ARCHIVE'],
  ]);
});

import { judge, toFailure, traceOf, UnexpectedFailures } from '../../../src/activities/failures';
import { errorCatalogue, type ErrorCode, StrataError } from '../../../src/domain/errors';

const once = { countedByWorkflow: false };
const counted = { countedByWorkflow: true };
const serverError = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code, severity: 'ERROR' });

test('every failure of the catalogue keeps its code, its words and its hint', () => {
  for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
    const verdict = judge(new StrataError(code, 'the fact'), once);
    expect(verdict).toMatchObject({ type: code, message: 'the fact', hint: errorCatalogue[code].hint });
    expect(verdict.retry === 'final').toBe(!errorCatalogue[code].retryable);
  }
});

test('infrastructure is waited for without a limit, whoever counts', () => {
  for (const context of [once, counted]) {
    expect(judge(serverError('57P03', 'the database system is starting up'), context)).toMatchObject({
      type: 'DATABASE_UNREACHABLE',
      retry: 'wait',
    });
    expect(judge(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), context).retry).toBe('wait');
    expect(judge(new StrataError('TEMPORAL_UNREACHABLE', 'away'), context).retry).toBe('wait');
  }
});

test.each([
  ['the connection failed', '08006'],
  ['an administrator ended the session', '57P01'],
  ['the server crashed', '57P02'],
  ['the server starts', '57P03'],
  ['serialization', '40001'],
  ['deadlock', '40P01'],
  ['statement_timeout', '57014'],
  ['lock_timeout', '55P03'],
  ['idle_in_transaction_session_timeout', '25P03'],
  ['too many connections', '53300'],
  ['the disk is full', '53100'],
  ['out of memory', '53200'],
  ['a read-only standby', '25006'],
])('%s is waited for, by its SQLSTATE alone', (_fault, state) => {
  for (const text of ['no word of this decides', 'le serveur démarre'])
    expect(judge(serverError(state, text), once).retry).toBe('wait');
});

test.each([
  ['a syntax error', '42601'],
  ['a missing privilege', '42501'],
  ['a wrong password', '28P01'],
  ['a violated key', '23505'],
])('%s ends after a few tries, since waiting does not mend it', (_fault, state) => {
  expect(judge(serverError(state, 'the database system is starting up'), once).retry).toBe('bounded');
});

test('a model that fails is left to the workflow, which counts the tries', () => {
  expect(judge(new StrataError('MODEL_FAILED', 'x'), counted)).toMatchObject({
    type: 'MODEL_FAILED',
    retry: 'final',
  });
  expect(judge(serverError('22012', 'division by zero'), counted)).toMatchObject({
    type: 'MODEL_FAILED',
    message: 'division by zero (SQLSTATE 22012)',
    retry: 'final',
  });
  expect(judge(new TypeError('bug'), counted)).toMatchObject({ type: 'UNEXPECTED', retry: 'final' });
});

test('what nobody foresaw is tried again, but not for ever', () => {
  expect(judge(new TypeError('bug'), once)).toMatchObject({ type: 'UNEXPECTED', retry: 'bounded' });
  const failures = new UnexpectedFailures();
  expect([1, 2, 3, 4, 5].map(() => failures.allow('a'))).toEqual([true, true, true, true, false]);
  expect(failures.allow('a')).toBe(true);
  expect(failures.allow('b')).toBe(true);
});

test('a failure holds no secret, neither in its words nor in its cause', () => {
  const error = new Error('connect to postgres://strata:s3cret@db:5432/x failed; password=s3cret');
  const failure = toFailure(judge(error, once), false, error);
  expect(failure.message).toContain('postgres://strata:***@db:5432/x');
  expect(JSON.stringify([failure.message, failure.cause?.message, failure.cause?.stack])).not.toContain(
    's3cret',
  );
});

test.each([
  [
    'a data exception, which quotes the value',
    '22P02',
    'invalid input syntax for type numeric: "pl@nted"',
    '',
  ],
  ['a constraint, of which the detail quotes the row', '23502', 'null value in "a"', 'Failing row (pl@nted)'],
])('what moves rows on shows no value of %s', (_what, code, message, detail) => {
  const error = Object.assign(new Error(message), { code, severity: 'ERROR', detail, where: 'pl@nted' });
  const verdict = judge(error, once);
  expect(verdict).toMatchObject({ type: 'UNEXPECTED', sqlState: code });
  const failure = toFailure(verdict, false, error);
  const told = [
    failure.message,
    failure.cause?.message,
    failure.cause?.stack,
    traceOf(error, verdict.message),
  ];
  expect(told.filter((text) => text?.includes('pl@nted') !== false)).toEqual([]);
  expect(failure.cause?.stack).toContain('failures.test');
  // Its author needs to see it.
  expect(judge(error, counted).message).toContain('pl@nted');
});

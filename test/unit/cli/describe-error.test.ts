import { describeError, errorLine, exitCodeOf } from '../../../src/cli/describe-error';
import { Interrupted } from '../../../src/cli/interrupt';
import { StrataError } from '../../../src/domain/errors';

const lineOf = (error: unknown): string => errorLine(describeError(error));

describe('an error on the command line', () => {
  test('is one line with code, fact and remedy', () => {
    expect(lineOf(new StrataError('FILE_EMPTY', 'transactions t.csv has no bytes'))).toBe(
      'error: FILE_EMPTY: transactions t.csv has no bytes. A file needs at least its header line.',
    );
  });

  test('is found behind the failures that Temporal wraps around it', () => {
    const failure = Object.assign(new Error('no file /x.csv'), { type: 'FILE_NOT_FOUND' });
    const wrapped = new Error('Workflow execution failed', {
      cause: new Error('Activity task failed', { cause: failure }),
    });
    expect(lineOf(wrapped)).toMatch(/^error: FILE_NOT_FOUND: no file \/x\.csv\. Check the path/);
  });

  test('names the database when it does not answer', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    expect(lineOf(new Error('failed', { cause: error }))).toMatch(
      /^error: DATABASE_UNREACHABLE: .*127\.0\.0\.1:1/,
    );
  });

  test('that nobody expected keeps its message, without line breaks', () => {
    expect(lineOf(new Error('odd\n  thing'))).toBe('error: odd thing');
    expect(lineOf('text')).toBe('error: text');
  });
});

test('exit codes tell wrong usage and interruption from failure', () => {
  expect(exitCodeOf(new StrataError('CONFIG_INVALID', 'x'))).toBe(2);
  expect(exitCodeOf(new StrataError('MODEL_FAILED', 'x'))).toBe(1);
  expect(exitCodeOf(new Error('x'))).toBe(1);
  expect(exitCodeOf(new Interrupted())).toBe(130);
});

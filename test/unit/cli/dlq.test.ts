import { singleLine, shortened } from '../../../src/cli/single-line';
import { saysWhich } from '../../../src/cli/dlq-options';
import { checkCorrection, parseAssignment } from '../../../src/domain/correction';

test('text for a terminal can not steer it', () => {
  expect(singleLine('a\u001b[2Jb\r\n\tc\u009b1m\u202eüber')).toBe(
    'a\\u001b[2Jb\\u000d\\n\\tc\\u009b1m\\u202eüber',
  );
  expect(shortened('x'.repeat(20), 10)).toBe('xxxxxxx...');
});

test('--set splits at the first equals sign', () => {
  expect(parseAssignment('note==a=b')).toEqual(['note', '=a=b']);
  expect(parseAssignment('note=')).toEqual(['note', '']);
  for (const text of ['note', '=x', ''])
    expect(() => parseAssignment(text)).toThrow(expect.objectContaining({ code: 'CORRECTION_INVALID' }));
});

test.each([
  [{ colour: 'secret' }, /has no column "colour", only a, b/],
  [{ a: 'sec\0ret' }, /Column a of it has a NUL/],
  [{ b: 'secret\ud800' }, /Column b of it has half a surrogate pair/],
])('a correction that can not be kept is refused without its value', (correction, message) => {
  const check = (): void => {
    checkCorrection(correction, ['a', 'b'], 'it');
  };
  expect(check).toThrow(message);
  expect(check).not.toThrow(/secret/);
  checkCorrection({ a: '😀' }, ['a', 'b'], 'it');
});

test('a command that changes letters has to be told which', () => {
  expect(saysWhich({})).toBe(false);
  expect(saysWhich({ ids: [] })).toBe(false);
  expect(saysWhich({ ids: ['1'] })).toBe(true);
  expect(saysWhich({ code: 'INVALID_VALUE' })).toBe(true);
  expect(saysWhich({ all: true })).toBe(true);
});

import { mutePatternText, parseMutePattern } from '../../../src/domain/mute-pattern';

test.each([
  ['freshness', { kind: 'freshness' }, 'freshness'],
  ['freshness:*', { kind: 'freshness' }, 'freshness'],
  ['freshness:raw.*', { kind: 'freshness', subject: 'raw.*' }, 'freshness:raw.*'],
  ['raw.t', { subject: 'raw.t' }, '*:raw.t'],
  ['*', { subject: '*' }, '*:*'],
  ['*:failure', { subject: 'failure' }, '*:failure'],
  ['a:b', { subject: 'a:b' }, '*:a:b'],
])('%s', (text, pattern, shown) => {
  expect(parseMutePattern(text)).toEqual(pattern);
  const { kind = null, subject = null } = parseMutePattern(text);
  expect(mutePatternText({ kind, subject })).toBe(shown);
  expect(parseMutePattern(shown)).toEqual(pattern);
});

import { redact } from '../../../src/observability/redact';

test.each([
  ['postgres://strata:s3cret@host/db', 'postgres://strata:***@host/db'],
  ['password=s3cret host=x', 'password=*** host=x'],
  ['{"apiKey":"s3cret"}', '{"apiKey":"***"}'],
  ['Authorization: Bearer abc.def-1', 'Authorization: Bearer ***'],
  ['GET https://h/f.csv?X-Amz-Signature=abc failed', 'GET https://h/f.csv?*** failed'],
  ['-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----', '***'],
])('%s', (text, redacted) => {
  expect(redact(text)).toBe(redacted);
});

test.each([
  'password authentication failed for user "strata"',
  'column "token" does not exist',
  'http://127.0.0.1:8233/namespaces/default',
])('%s holds nothing to hide', (text) => {
  expect(redact(text)).toBe(text);
});

import type { FastifyRequest } from 'fastify';
import { isOperator, isOwnHost, isSameSite } from '../../../src/dashboard/guard';

const asked = (method: string, headers: Record<string, string>): FastifyRequest =>
  ({ method, headers }) as unknown as FastifyRequest;

test.each(['127.0.0.1:8234', 'localhost', 'LOCALHOST:1', '[::1]:8234', '10.1.2.3', 'strata.example.com'])(
  'a request for %s is meant for this server',
  (host) => {
    expect(isOwnHost(host, ['strata.example.com'])).toBe(true);
  },
);

test.each([
  undefined,
  '',
  'rebound.example',
  'localhost.rebound.example',
  '127.0.0.1.rebound.example',
  'x@127.0.0.1.example',
  'strata.example.com.evil.example',
])('a request for %s is not', (host) => {
  expect(isOwnHost(host, ['strata.example.com'])).toBe(false);
});

test.each([
  ['POST', {}, true],
  [
    'POST',
    { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:8234', host: '127.0.0.1:8234' },
    true,
  ],
  ['POST', { 'sec-fetch-site': 'cross-site' }, false],
  ['POST', { 'sec-fetch-site': 'same-site' }, false],
  ['PATCH', { origin: 'http://127.0.0.1:9999', host: '127.0.0.1:8234' }, false],
  ['POST', { origin: 'null', host: '127.0.0.1:8234' }, false],
  ['GET', { 'sec-fetch-site': 'cross-site' }, true],
])('%s with %j: same site is %s', (method, headers, expected) => {
  expect(isSameSite(asked(method, headers as Record<string, string>))).toBe(expected);
});

test.each([
  ['Bearer the-operators-token', 'the-operators-token', true],
  ['bearer the-operators-token', 'the-operators-token', true],
  ['Bearer the-operators-toke', 'the-operators-token', false],
  ['Bearer ', 'the-operators-token', false],
  ['Basic the-operators-token', 'the-operators-token', false],
  ['Bearer undefined', undefined, false],
])('%s against the token %s: operator is %s', (authorization, token, expected) => {
  expect(isOperator(asked('POST', { authorization }), token)).toBe(expected);
});

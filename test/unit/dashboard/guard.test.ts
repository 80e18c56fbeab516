import type { FastifyRequest } from 'fastify';
import { buildServer } from '../../../src/dashboard/build-server';
import type { DashboardDeps } from '../../../src/dashboard/deps';
import { createEventHub } from '../../../src/dashboard/event-hub';
import { isOperator, isOwnHost, isSameSite } from '../../../src/dashboard/guard';
import type { Problem } from '../../../src/dashboard/problems';
import { createLogger } from '../../../src/observability/logger';

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

describe('the server', () => {
  const token = 'the-operators-token';
  // Nothing of what it is made of is reached: who is refused is refused before.
  const deps = {
    config: { dashboard: { hosts: [] } },
    token,
    hub: createEventHub(),
    logger: createLogger({ level: 'silent', format: 'json' }),
    project: { manifest: { project: 'p' }, datasetNames: () => [] },
    isListening: () => true,
  } as unknown as DashboardDeps;
  const app = buildServer(deps);
  type Operation = { security?: unknown[]; responses: Record<string, unknown>; requestBody?: unknown };
  let operations: { method: 'GET' | 'POST'; url: string; path: string; operation: Operation }[];

  beforeAll(async () => {
    await app.ready();
    const { paths } = (await app.inject('/api/v1/openapi.json')).json<{
      paths: Record<string, Record<string, Operation>>;
    }>();
    operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase() as 'GET' | 'POST',
        path,
        url: path.replaceAll(/\{(\w+)\}/g, (_all, name) =>
          name === 'uploadId' ? '7f0b9d8e-8f0f-4a51-9f3f-0d2f3b8a1c11' : '1',
        ),
        operation,
      })),
    );
  });
  afterAll(() => app.close());

  test('describes every call, what it answers, and its errors', () => {
    expect(operations.length).toBeGreaterThan(25);
    for (const { method, path, operation } of operations) {
      expect(app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') })).toBe(true);
      expect([path, Object.keys(operation.responses)]).toEqual([path, expect.arrayContaining(['default'])]);
    }
    const upload = operations.find(({ method, path }) => method === 'POST' && path === '/api/v1/uploads');
    expect(upload?.operation.requestBody).toMatchObject({
      content: { 'text/csv': { schema: { type: 'string', format: 'binary' } } },
    });
  });

  test('lets nobody act, or read a letter, without the token', async () => {
    const guarded = operations.filter(({ method, operation }) => method !== 'GET' || operation.security);
    expect(guarded.length).toBeGreaterThan(12);
    for (const { method, url } of guarded) {
      const answer = await app.inject({ method, url, headers: { host: 'localhost' } });
      expect([url, answer.statusCode, answer.headers['content-type']]).toEqual([
        url,
        401,
        'application/problem+json',
      ]);
    }
  });

  test('refuses other names, and says what its page may do', async () => {
    const rebound = await app.inject({ url: '/api/v1/session', headers: { host: 'rebound.example' } });
    expect([rebound.statusCode, rebound.json<Problem>().title]).toEqual([421, 'Misdirected Request']);
    const { headers } = await app.inject({ url: '/api/v1/session', headers: { host: 'localhost' } });
    expect(headers['content-security-policy']).toMatch("default-src 'none'");
    expect(headers['content-security-policy']).not.toMatch('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    });
  });
});

import type { AlertMessage } from '../../../src/domain/alert-message';
import { createNotifier, type Letter, type SendOutcome } from '../../../src/notify';
import { type Answer, type HttpReceiver, startHttpReceiver } from '../../support/http-receiver';

/** Of one that never answers; the others get more, so that a busy machine isn't taken for one. */
const HANG_MS = 200;
const TIMEOUT_MS = 10_000;
const SECRET = 'T0/B1/S3cretOfTheHook';

const message: AlertMessage = {
  event: 'firing',
  warehouse: 'w',
  severity: 'error',
  title: 'gold.dim failed',
  summary: 'gold.dim failed: <!channel> & *more*',
  affected: ['gold.fct'],
  incident: { id: '7', kind: 'failure', subject: 'gold.dim', seen: 1, openedAt: '2026-01-31T00:00:00.000Z' },
  runId: 'r1',
};
const letter: Letter = { key: '0f0f', message };

let receiver: HttpReceiver;
beforeAll(async () => {
  receiver = await startHttpReceiver();
});
afterAll(() => receiver.close());

const send = (
  channel: 'webhook' | 'slack',
  url = `${receiver.url}/${SECRET}`,
  signal = new AbortController().signal,
  timeoutMs = TIMEOUT_MS,
): Promise<SendOutcome> =>
  createNotifier({ webhookUrl: url, slackUrl: url, timeoutMs }).send(channel, letter, signal);

test('a webhook gets the message as JSON, under a key that is the same with each try', async () => {
  receiver.answer = () => ({ status: 204 });
  expect(await send('webhook')).toEqual({ sent: true });
  const { method, path, headers, body } = receiver.received.at(-1) ?? {};
  expect([method, path, headers?.['idempotency-key']]).toEqual(['POST', `/${SECRET}`, '0f0f']);
  expect(JSON.parse(body ?? '')).toEqual({ version: 1, id: '0f0f', ...message });
});

test('Slack gets text and blocks in which nothing of the message is markup', async () => {
  receiver.answer = () => ({ status: 200 });
  expect(await send('slack')).toEqual({ sent: true });
  const body = receiver.received.at(-1)?.body ?? '';
  expect(JSON.parse(body)).toMatchObject({
    text: '🔴 gold.dim failed (w)',
    blocks: [{ type: 'section' }, { type: 'section' }, { type: 'context' }],
  });
  expect(body).toContain('&lt;!channel&gt; &amp; *more*');
  expect(body).not.toContain('<!');
});

test.each<[string, Answer, Partial<SendOutcome>]>([
  ['500 may pass', { status: 500 }, { final: false, why: 'HTTP 500' }],
  ['408 may pass', { status: 408 }, { final: false, why: 'HTTP 408' }],
  ['400 is for ever', { status: 400 }, { final: true, why: 'HTTP 400' }],
  ['404 is for ever', { status: 404 }, { final: true, why: 'HTTP 404' }],
  [
    '429 says when',
    { status: 429, headers: { 'retry-after': '90' } },
    { final: false, why: 'HTTP 429', notBeforeMs: 90_000 },
  ],
  ['a connection that breaks', 'reset', { final: false, why: 'ECONNRESET' }],
])('%s', async (_name, answer, outcome) => {
  receiver.answer = () => answer;
  expect(await send('webhook')).toEqual({ sent: false, ...outcome });
});

test('an answer that never comes is waited for no longer than the timeout', async () => {
  receiver.answer = () => 'hang';
  const outcome = await send('webhook', receiver.url, new AbortController().signal, HANG_MS);
  expect(outcome).toEqual({ sent: false, final: false, why: 'no answer within 0.2 s' });
});

test('a redirect is not followed', async () => {
  const before = receiver.received.length;
  receiver.answer = () => ({ status: 307, headers: { location: `${receiver.url}/elsewhere` } });
  expect(await send('webhook')).toMatchObject({ sent: false, final: true });
  expect(receiver.received).toHaveLength(before + 1);
});

test('a user and a password of the address go into the header, and into nothing else', async () => {
  receiver.answer = () => ({ status: 401 });
  const outcome = await send('webhook', receiver.url.replace('//', '//ann:p%40ss@'));
  expect(receiver.received.at(-1)?.headers.authorization).toBe(
    `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
  );
  expect(outcome).toEqual({ sent: false, final: true, why: 'HTTP 401' });
});

test('a per cent sign in them that encodes nothing is one', async () => {
  receiver.answer = () => ({ status: 200 });
  expect(await send('webhook', receiver.url.replace('//', '//ann:100%@'))).toEqual({ sent: true });
  expect(receiver.received.at(-1)?.headers.authorization).toBe(
    `Basic ${Buffer.from('ann:100%').toString('base64')}`,
  );
});

test('what went wrong names no address', async () => {
  for (const url of [`http://nobody.invalid/${SECRET}`, `http://127.0.0.1:1/${SECRET}`]) {
    const outcome = await send('webhook', url);
    expect(outcome).toMatchObject({ sent: false, final: false });
    expect(JSON.stringify(outcome)).not.toMatch(/S3cret|127\.0|nobody/);
  }
});

test('who gives up rejects, and does not count as an answer', async () => {
  receiver.answer = () => 'hang';
  const given = AbortSignal.abort(new Error('WORKER_SHUTDOWN'));
  await expect(send('webhook', receiver.url, given)).rejects.toThrow('WORKER_SHUTDOWN');
});

test('the heartbeat asks its address', async () => {
  receiver.answer = () => ({ status: 200 });
  const notifier = createNotifier({ heartbeatUrl: `${receiver.url}/beat`, timeoutMs: TIMEOUT_MS });
  expect(notifier.channels).toEqual([]);
  expect(await notifier.ping?.(new AbortController().signal)).toEqual({ sent: true });
  expect(receiver.received.at(-1)).toMatchObject({ method: 'GET', path: '/beat' });
  expect(createNotifier({ timeoutMs: TIMEOUT_MS }).ping).toBeUndefined();
});

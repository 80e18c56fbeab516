import { createServer, type AddressInfo } from 'node:net';
import type { AlertMessage } from '../../../src/domain/alert-message';
import { needsTls } from '../../../src/notify/email';
import { createNotifier, type SendOutcome } from '../../../src/notify';
import { type MailServer, startMailServer } from '../../support/mail-server';

const SECRET = 'S3cret Pass@word';
const FROM = 'strata <alerts@example.com>';

const message: AlertMessage = {
  event: 'resolved',
  warehouse: 'w',
  severity: 'error',
  title: 'gold.dim: resolved after\n2 failures',
  summary: 'gold.dim failed: größer',
  affected: [],
  incident: { id: '7', kind: 'failure', subject: 'gold.dim', seen: 2, openedAt: '2026-01-31T00:00:00.000Z' },
};

let server: MailServer;
beforeAll(async () => {
  server = await startMailServer({ user: 'ann', password: SECRET });
});
afterAll(() => server.close());

const send = (host: string, { password = SECRET, timeoutMs = 5_000 } = {}): Promise<SendOutcome> => {
  const to = ['ops@example.com', 'boss@example.com'];
  const smtpUrl = `smtp://ann:${encodeURIComponent(password)}@${host}`;
  const notifier = createNotifier({ email: { smtpUrl, from: FROM, to }, timeoutMs });
  return notifier.send('email', { key: '0f0f', message }, new AbortController().signal);
};

test('a mail is plain text for all receivers, with an id that is the same with each try', async () => {
  expect(await send(server.host)).toEqual({ sent: true });
  const mail = server.mails.at(-1);
  expect(mail).toMatchObject({
    from: 'alerts@example.com',
    to: ['ops@example.com', 'boss@example.com'],
    headers: {
      'message-id': '<0f0f@example.com>',
      references: '<incident-7.w@example.com>',
      'auto-submitted': 'auto-generated',
      subject: '[strata w] gold.dim: resolved after 2 failures',
    },
  });
  expect(mail?.body).toContain('gold.dim failed: gr=C3=B6=C3=9Fer');
});

test.each([
  [550, true],
  [451, false],
])('a receiver that is refused with %i: for ever is %s', async (code, final) => {
  server.refuse = () => code;
  expect(await send(server.host)).toEqual({ sent: false, final, why: `SMTP ${code} at RCPT TO` });
  server.refuse = () => undefined;
});

test('one receiver of two that is refused holds up no other', async () => {
  server.refuse = (recipient) => (recipient.startsWith('boss') ? 550 : undefined);
  expect(await send(server.host)).toEqual({ sent: true, why: '1 of 2 receivers refused' });
  expect(server.mails.at(-1)?.to).toEqual(['ops@example.com']);
  server.refuse = () => undefined;
});

test('a password that is wrong, and a server that is not there, are told without the password', async () => {
  const denied = await send(server.host, { password: `${SECRET}?` });
  expect(denied).toMatchObject({ sent: false, final: true, why: expect.stringMatching(/^SMTP 535/) });
  const absent = await send('127.0.0.1:1');
  expect(absent).toMatchObject({ sent: false, final: false });
  expect(JSON.stringify([denied, absent])).not.toMatch(/S3cret|127\.0|ann/);
});

test('a server that says nothing is given up in time', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  const { port } = silent.address() as AddressInfo;
  const outcome = await send(`127.0.0.1:${port}`, { timeoutMs: 300 });
  silent.close();
  expect(outcome).toEqual({ sent: false, final: false, why: 'no answer within 0.3 s' });
});

test('a password is not sent in the clear to another host', () => {
  expect(needsTls('smtp://ann:x@mail.example.com:587')).toBe(true);
  expect(needsTls('smtp://mail.example.com')).toBe(false);
  expect(needsTls('smtps://ann:x@mail.example.com')).toBe(false);
  expect(needsTls('smtp://ann:x@localhost:25')).toBe(false);
});

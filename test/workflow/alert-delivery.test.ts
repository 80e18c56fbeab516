import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import { resendDeliveries } from '../../src/db/alert-deliveries';
import { createWarehousePool } from '../../src/db/pool';
import type { AlertStatus, Condition, TestedAlert } from '../../src/wire/alerts';
import { alertWorkflowId, QUERY, SIGNAL, UPDATE, WORKFLOW } from '../../src/wire/names';
import { type StartedWorker, startWorker } from '../../src/worker';
import {
  createTestDatabase,
  openSession,
  type Session,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { type HttpReceiver, type ReceivedRequest, startHttpReceiver } from '../support/http-receiver';
import { type MailServer, startMailServer } from '../support/mail-server';
import { textsIn } from '../support/texts-in';
import { waitFor } from '../support/wait-for';
import { quietRuntime } from './workflow-worker';

const SECRET = 'S3cretOfTheHook';
const RETRY_MS = 200;

let database: TestDatabase;
let session: Session;
let worker: StartedWorker;
let connection: Connection;
let client: Client;
let receiver: HttpReceiver;
let mails: MailServer;
let logged = '';

const start = (): Promise<StartedWorker> => {
  const address = testTemporalAddress();
  const config = loadConfig({
    TEMPORAL_CONFIG_FILE: '/nowhere',
    STRATA_ALERT_WEBHOOK_URL: `${receiver.url}/hook?token=${SECRET}`,
    STRATA_ALERT_SLACK_URL: `${receiver.url}/slack/${SECRET}`,
    STRATA_SMTP_URL: `smtp://${mails.host}`,
    STRATA_ALERT_EMAIL_FROM: 'alerts@example.com',
    STRATA_ALERT_EMAIL_TO: 'ops@example.com',
    STRATA_ALERT_HEARTBEAT_URL: `${receiver.url}/beat/${SECRET}`,
    STRATA_ALERT_HEARTBEAT_INTERVAL: '1s',
    STRATA_ALERT_RETRY_INTERVAL: `${RETRY_MS}ms`,
    // Long enough for an answer of a machine that has much else to do.
    STRATA_ALERT_TIMEOUT: '2s',
  });
  return startWorker({
    config,
    databaseUrl: database.url,
    warehouse: database.name,
    temporal: { ...config.temporal, address },
    logger: pino({ level: 'debug' }, { write: (line) => void (logged += line) }),
  });
};

beforeAll(async () => {
  quietRuntime();
  [database, receiver, mails] = await Promise.all([
    createTestDatabase({ template: 'migrated' }),
    startHttpReceiver(),
    startMailServer(),
  ]);
  worker = await start();
  connection = await Connection.connect({ address: testTemporalAddress() });
  client = new Client({ connection });
  session = await openSession(database.url);
});
afterAll(async () => {
  await alerter()
    .terminate()
    .catch(() => undefined);
  await worker.shutdown();
  await connection.close();
  await session.close();
  await database.drop();
  await Promise.all([receiver.close(), mails.close()]);
});
afterEach(() => {
  receiver.answer = () => ({ status: 200 });
});

const alerter = () => client.workflow.getHandle(alertWorkflowId(database.name));
const at = (path: string): ReceivedRequest[] => receiver.received.filter((r) => r.path.startsWith(path));
/** What the webhook was told of a subject: each message once, however often it was sent. */
const told = (subject: string): string[] => {
  const documents = at('/hook').map(
    ({ body }) => JSON.parse(body) as { id: string; event: string; incident?: { subject: string } },
  );
  const ofSubject = documents.filter(({ incident }) => incident?.subject === subject);
  return [...new Map(ofSubject.map(({ id, event }) => [id, event])).values()];
};
const observe = (...conditions: Condition[]): Promise<void> =>
  alerter().signal(SIGNAL.conditionObserved, conditions);
let observations = 0;
const condition = (subject: string, state: Condition['state'], more: Partial<Condition> = {}): Condition => ({
  kind: 'failure',
  subject,
  state,
  observation: `run ${observations++}`,
  ...more,
});
type Row = Record<'channel' | 'event' | 'state' | 'tries' | 'last_error', unknown>;
const deliveries = async (subject: string): Promise<Row[]> =>
  (await session.query(`
    select d.channel, d.event, d.state, d.tries, d.last_error
    from ops.alert_delivery as d inner join ops.incident as i using (incident_id)
    where i.subject = '${subject}' order by d.delivery_id
  `)) as Row[];
const ended = (subject: string, timeoutMs = 30_000): Promise<Row[]> =>
  waitFor(
    async () => {
      const all = await deliveries(subject);
      return all.length > 0 && all.every(({ state }) => state !== 'pending') && all;
    },
    { timeoutMs },
  );

test('the first of a streak is told by every channel, repeats are not, and its end is', async () => {
  await observe(condition('a', 'firing'), condition('a', 'firing'));
  await observe(condition('a', 'firing'));
  await waitFor(() => told('a').length === 1);
  await observe(condition('a', 'ok'));
  const all = await waitFor(async () => {
    const now = await ended('a');
    return now.length === 6 && now;
  });
  expect(all.map(({ channel, event, state }) => [channel, event, state].join(' ')).sort()).toEqual(
    ['email', 'slack', 'webhook'].flatMap((c) => [`${c} firing delivered`, `${c} resolved delivered`]),
  );
  expect(told('a')).toEqual(['firing', 'resolved']);
  expect(at('/slack')[0]?.body).toContain('a failed');
  expect(mails.mails.map(({ headers }) => headers.subject)).toEqual([
    expect.stringContaining('a failed'),
    expect.stringContaining('a: resolved after 3 failures'),
  ]);
});

test('a root cause with ten failed descendants is one message, and so is the suspension that joins it', async () => {
  const cause = { kind: 'failure', subject: 'root' } as const;
  const descendants = Array.from({ length: 10 }, (_, i) => condition(`child ${i}`, 'firing', { cause }));
  const affected = descendants.map(({ subject }) => subject);
  await observe(condition('root', 'firing', { affected }), ...descendants);
  await waitFor(() => told('root').length === 1);
  await observe(condition('root', 'firing', { kind: 'suspended', cause, summary: 'strata resume root' }));
  await waitFor(() => told('root').length === 2);
  expect(told('root')).toEqual(['firing', 'escalated']);
  expect(await session.query(`select from ops.incident where subject like 'child%'`)).toEqual([]);
});

test('a receiver in trouble is tried three times under one key, then the message is kept, and nobody else waits', async () => {
  receiver.answer = ({ path, body }) =>
    path.startsWith('/hook') && body.includes('"b"') ? 'hang' : { status: 200 };
  await observe(condition('b', 'firing'));
  await waitFor(async () => (await deliveries('b')).some(({ tries }) => tries === 1));
  await observe(condition('c', 'firing'));
  await waitFor(() => told('c').length === 1);
  const all = await ended('b');
  expect(all.find(({ channel }) => channel === 'webhook')).toEqual({
    channel: 'webhook',
    event: 'firing',
    state: 'failed',
    tries: 3,
    last_error: 'no answer within 2 s',
  });
  expect(all.filter(({ state }) => state === 'delivered')).toHaveLength(2);
  const tries = at('/hook').filter(({ body }) => body.includes('"b"'));
  expect(tries).toHaveLength(3);
  receiver.answer = () => ({ status: 200 });
  const [lost] = await session.query(
    `select delivery_id::text as id from ops.alert_delivery where state = 'failed'`,
  );
  const pool = await createWarehousePool(database.url);
  try {
    expect(await resendDeliveries(pool, [String(lost?.['id']), '999'])).toEqual([lost?.['id']]);
    expect(await resendDeliveries(pool, [String(lost?.['id'])])).toEqual([]);
  } finally {
    await pool.end();
  }
  await alerter().signal(SIGNAL.reviewAlerts);
  expect((await ended('b')).map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered']);
  const all4 = at('/hook').filter(({ body }) => body.includes('"b"'));
  expect(all4).toHaveLength(4);
  expect(new Set(all4.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
}, 60_000);

test('a receiver that comes back gets the message at the next try; one that refuses is not asked again', async () => {
  let asked = 0;
  receiver.answer = ({ path, body }) => {
    if (!body.includes('"d"') && !body.includes('d failed')) return { status: 200 };
    if (path.startsWith('/slack')) return { status: 410 };
    return { status: asked++ === 0 ? 503 : 200 };
  };
  await observe(condition('d', 'firing'));
  const all = await ended('d');
  expect(all).toContainEqual(expect.objectContaining({ channel: 'webhook', state: 'delivered', tries: 2 }));
  expect(all).toContainEqual(
    expect.objectContaining({ channel: 'slack', state: 'failed', tries: 1, last_error: 'HTTP 410' }),
  );
});

test('a mute by a pattern records and tells nobody; once it is taken back, people are told', async () => {
  const mute = { kind: 'freshness', subject: 'raw.*' };
  await alerter().signal(SIGNAL.muteAlerts, {
    ...mute,
    until: '2999-01-01T00:00:00Z',
    reason: 'moving house',
  });
  await observe(
    condition('raw.t', 'firing', { kind: 'freshness' }),
    condition('other', 'firing', { kind: 'freshness' }),
  );
  await waitFor(() => told('other').length === 1);
  const [incident] = await session.query(`select state, told_at from ops.incident where subject = 'raw.t'`);
  expect(incident).toEqual({ state: 'firing', told_at: null });
  expect(told('raw.t')).toEqual([]);
  await alerter().signal(SIGNAL.unmuteAlerts, mute);
  await waitFor(() => told('raw.t').length === 1);
});

test('a test is told by the channel that is asked for, and tried once', async () => {
  receiver.answer = () => ({ status: 500 });
  const { deliveries: tested } = await alerter().executeUpdate<TestedAlert, [object]>(UPDATE.testAlert, {
    args: [{ channel: 'webhook' }],
  });
  expect(tested.map(({ channel }) => channel)).toEqual(['webhook']);
  const row = await waitFor(async () => {
    const [found] = await session.query(
      `select state, tries, last_error from ops.alert_delivery where event = 'test' and state <> 'pending'`,
    );
    return found;
  });
  expect(row).toEqual({ state: 'failed', tries: 1, last_error: 'HTTP 500' });
});

test('the heartbeat goes on as long as the alerter lives', async () => {
  const before = at('/beat').length;
  await waitFor(() => at('/beat').length >= before + 2, { what: 'two heartbeats' });
  const { heartbeat } = await alerter().query<AlertStatus>(QUERY.status);
  expect(heartbeat).toBe(true);
});

test('no address is in a log, a history, or a table', async () => {
  const history = textsIn(await alerter().fetchHistory()).join('\n');
  const rows = await session.query('select message, last_error from ops.alert_delivery');
  const texts = [logged, history, JSON.stringify(rows)];
  // What is searched holds what happened.
  expect(texts.map((text) => /recordAlerts|moving house|HTTP 500/.exec(text)?.[0])).toEqual([
    'recordAlerts',
    'recordAlerts',
    'HTTP 500',
  ]);
  expect(history.includes('moving house')).toBe(true);
  for (const place of [SECRET, receiver.url, mails.host])
    expect(texts.map((text) => text.includes(place))).toEqual([false, false, false]);
});

test('what waits for its next try is taken up after the alerter was terminated', async () => {
  let refuses = true;
  receiver.answer = ({ body }) => ({ status: refuses && body.includes('"e"') ? 500 : 200 });
  await observe(condition('e', 'firing'));
  await waitFor(async () => (await deliveries('e')).some(({ tries }) => tries === 1));
  await alerter().terminate();
  refuses = false;
  await client.workflow.signalWithStart(WORKFLOW.alert, {
    workflowId: alertWorkflowId(database.name),
    taskQueue: database.name,
    args: [{}],
    signal: SIGNAL.reviewAlerts,
  });
  const all = await ended('e');
  expect(all.map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered']);
});

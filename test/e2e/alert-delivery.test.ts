import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { alertWorkflowId, SIGNAL } from '../../src/wire/names';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver';
import { queryRows } from '../support/stack-homes';
import { waitFor } from '../support/wait-for';
import {
  type CommandResult,
  type Env,
  requireBuild,
  type RunningCommand,
  serversOf,
  startStrata,
  strata,
} from './strata';

const SECRET = 'S3cretOfTheHook';
const LONG_MS = 120_000;

const dir = mkdtempSync(join(tmpdir(), 'strata-alert-delivery-'));
let database: TestDatabase;
let receiver: HttpReceiver;
let env: Env;
let worker: RunningCommand;
const said: string[] = [];

const startWorker = async (): Promise<RunningCommand> => {
  const started = startStrata(['worker', '--verbose'], env);
  await started.prints('worker for warehouse');
  return started;
};
const run = async (...args: string[]): Promise<CommandResult> => {
  const result = await strata(args, { ...env, STRATA_ACTOR: 'ann' });
  said.push(result.stdout, result.stderr);
  return result;
};
interface Listed {
  readonly incidents: { incidentId: string; subject: string; seen: number; ackedBy: string | null }[];
  readonly undelivered: {
    deliveryId: string;
    channel: string;
    state: string;
    tries: number;
    error: string;
  }[];
  readonly mutes: { subject: string; reason: string }[];
}
const list = async (): Promise<Listed> =>
  JSON.parse((await run('alerts', 'list', '--json')).stdout) as Listed;

beforeAll(async () => {
  requireBuild();
  [database, receiver] = await Promise.all([createTestDatabase(), startHttpReceiver()]);
  env = {
    ...serversOf(database.url),
    STRATA_ALERT_WEBHOOK_URL: `${receiver.url}/${SECRET}`,
    STRATA_ALERT_RETRY_INTERVAL: '10ms',
    STRATA_LOG_LEVEL: 'debug',
  };
  worker = await startWorker();
}, LONG_MS);

afterAll(async () => {
  await worker.stop();
  const connection = await Connection.connect({ address: testTemporalAddress() });
  await new Client({ connection }).workflow
    .getHandle(alertWorkflowId(database.name))
    .terminate()
    .catch(() => undefined);
  await connection.close();
  await receiver.close();
  await database.drop();
  rmSync(dir, { recursive: true });
});

test(
  'a message whose worker is killed before it has recorded it is sent again, under the same key',
  async () => {
    receiver.answer = () => {
      worker.signal('SIGKILL');
      return 'hang';
    };
    const file = join(dir, 'bad.csv');
    writeFileSync(file, 'nothing\n1\n');
    const failing = run('ingest', 'marketing_spend', file, '--no-transform', '--detach');
    await waitFor(() => receiver.received.length === 1, { timeoutMs: 60_000, what: 'the first message' });
    receiver.answer = () => ({ status: 200 });
    await Promise.all([failing, worker.stop()]);
    worker = await startWorker();
    // While the next worker waits for a sign of life of the first one.
    const [incident] = (await list()).incidents;
    expect(incident).toMatchObject({ subject: 'marketing_spend', seen: 1, ackedBy: null });
    const { stdout } = await run('alerts', 'ack', incident?.incidentId ?? '');
    expect(stdout).toContain('1 incident acknowledged');
    expect((await list()).incidents[0]?.ackedBy).toBe('ann');
    expect((await run('status')).stdout).toMatch(/Incidents\n.*\n.*\n.*marketing_spend.*acknowledged by ann/);
    await waitFor(() => receiver.received.length === 2, { timeoutMs: 60_000, what: 'the second try' });
    const [first, second] = receiver.received;
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(second?.body).toBe(first?.body);
  },
  LONG_MS,
);

test(
  'a model that is resumed ends its incident, of which people are told',
  async () => {
    const subject = 'model.echo.dim_customer';
    await queryRows(
      database.url,
      `insert into ops.node_suspension (node_id, relation, run_id, failures, error_code, reason, definition)
       values ('${subject}', 'gold.dim_customer', 'r1', 3, 'MODEL_FAILED', 'division by zero', 'd')`,
    );
    const failure = {
      kind: 'failure',
      subject,
      state: 'firing',
      summary: 'it failed',
      observation: 'r1',
    } as const;
    const suspended = { ...failure, kind: 'suspended', cause: { kind: 'failure', subject } } as const;
    const connection = await Connection.connect({ address: testTemporalAddress() });
    try {
      const { workflow } = new Client({ connection });
      await workflow
        .getHandle(alertWorkflowId(database.name))
        .signal(SIGNAL.conditionObserved, [failure, suspended]);
    } finally {
      await connection.close();
    }
    const told = (event: string) =>
      receiver.received.some(({ body }) => body.includes(`"event":"${event}"`) && body.includes(subject));
    await waitFor(() => told('firing'), { timeoutMs: 60_000, what: 'the message of the failure' });
    expect((await list()).incidents.map((incident) => incident.subject)).toContain(subject);
    const resumed = await run('resume', 'gold.dim_customer', '--json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ resumed: [{ nodeId: subject, failures: 3 }] });
    await waitFor(() => told('resolved'), { timeoutMs: 60_000, what: 'the message of its end' });
    expect((await list()).incidents.map((incident) => incident.subject)).not.toContain(subject);
  },
  LONG_MS,
);

test(
  'mutes are made, shown and ended; a test says whether it arrived; what did not is shown',
  async () => {
    expect((await run('alerts', 'ack', '999')).code).toBe(1);
    expect((await run('alerts', 'mute', 'freshness:raw.*', '--for', '4h', '--reason', 'moving')).code).toBe(
      0,
    );
    expect((await list()).mutes).toMatchObject([{ kind: 'freshness', subject: 'raw.*', reason: 'moving' }]);
    expect((await run('alerts', 'unmute', 'freshness:raw.*')).code).toBe(0);
    expect((await run('alerts', 'unmute', 'freshness:raw.*')).code).toBe(1);
    expect((await run('alerts', 'test')).code).toBe(0);
    expect(receiver.received.at(-1)?.body).toContain('"event":"test"');
    receiver.answer = () => ({ status: 500 });
    const failed = await run('alerts', 'test', '--channel', 'webhook');
    expect([failed.code, failed.stdout]).toEqual([1, expect.stringContaining('HTTP 500')]);
    expect((await run('alerts', 'test', '--channel', 'email')).code).toBe(1);
    expect((await list()).undelivered).toMatchObject([
      { channel: 'webhook', state: 'failed', error: 'HTTP 500' },
    ]);
    const [lost] = (await list()).undelivered;
    receiver.answer = () => ({ status: 200 });
    expect((await run('alerts', 'resend', lost?.deliveryId ?? '')).code).toBe(0);
    await waitFor(async () => (await list()).undelivered.length === 0, { timeoutMs: 60_000 });
    expect((await run('alerts', 'resend', lost?.deliveryId ?? '')).code).toBe(1);
    const { stdout, stderr } = await worker.stop();
    const all = [...said, stdout, stderr].join('\n');
    expect(all).toContain('deliverAlert');
    expect(all).not.toContain(SECRET);
  },
  LONG_MS,
);

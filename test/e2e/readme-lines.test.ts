import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { loadConfig } from '../../src/config';
import { relationKey } from '../../src/db/relations';
import { readSchedules } from '../../src/project/read-schedules';
import { resolveTemporalBinary } from '../../src/stack';
import {
  alertWorkflowId,
  DEFAULT_WAREHOUSE,
  ingestWorkflowId,
  pipelineWorkflowId,
  QUERY,
  scheduleId,
  WORKFLOW,
} from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import { applySchedules } from '../../src/temporal/apply-schedules';
import { type StartedWorker, startWorker } from '../../src/worker';
import {
  createTestDatabase,
  openSession,
  type Session,
  type TestDatabase,
  testTemporalAddress,
} from '../support/database';
import { waitFor } from '../support/wait-for';

/** The lines of the README, run as they stand: only the folder of their files is another one. */
const ROOT = resolve(__dirname, '..', '..');
const LINES = readFileSync(join(ROOT, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('temporal '));
const LONG_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'strata-readme-lines-'));
/** The lines name the warehouse `strata`: a namespace of its own keeps it apart from other tests. */
const namespace = `readme-${randomUUID()}`;
let env: NodeJS.ProcessEnv;
let database: TestDatabase;
let session: Session;
let worker: StartedWorker;
let connection: Connection;
let client: Client;

const shell = (line: string): Promise<string> =>
  new Promise((done, reject) => {
    execFile('sh', ['-c', line], { env, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else reject(new Error(`${line}\n${stdout}${stderr}`));
    });
  });

const pipeline = () => client.workflow.getHandle(pipelineWorkflowId(DEFAULT_WAREHOUSE));
const status = () => pipeline().query<PipelineStatus>(QUERY.status);
const finishedWhere = (matches: (run: PipelineStatus['finished'][number]) => boolean) =>
  waitFor(
    async () => {
      const { finished } = await status();
      return finished.find(matches);
    },
    { timeoutMs: 60_000, what: 'the run to end' },
  );
/** Of the workflow that a line has started. */
const startedBy = async (output: string): Promise<string> => {
  const [, workflowId = ''] = /WorkflowId +(\S+)/.exec(output) ?? [];
  await client.workflow.getHandle(workflowId).result();
  return workflowId;
};

beforeAll(async () => {
  const temporal = await resolveTemporalBinary({ home: join(ROOT, '.strata'), log: () => undefined });
  const address = testTemporalAddress();
  env = {
    ...process.env,
    PATH: `${dirname(temporal)}${delimiter}${process.env.PATH ?? ''}`,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    NO_COLOR: '1',
  };
  await shell(`temporal operator namespace create --namespace ${namespace}`);
  database = await createTestDatabase({ template: 'migrated' });
  session = await openSession(database.url);
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
  const config = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' });
  worker = await startWorker({
    config,
    databaseUrl: database.url,
    warehouse: DEFAULT_WAREHOUSE,
    temporal: { ...config.temporal, namespace, address },
    logger: pino({ level: 'silent' }),
  });
  writeFileSync(join(folder, 'spend.csv'), 'spend_date,channel,amount\n2026-01-01,search,10.00\n');
  writeFileSync(
    join(folder, 't.csv'),
    'transaction_id,customer_id,transaction_date,amount,transaction_type,status\nt1,c1,2026-01-05,10.00,subscription,completed\n',
  );
}, LONG_MS);

afterAll(async () => {
  await pipeline()
    .terminate()
    .catch(() => undefined);
  await worker.shutdown();
  await session.close();
  await connection.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

/** What has to be so before a line, and what is so after it: by the end of its words up to the name. */
interface Check {
  readonly before?: () => Promise<unknown>;
  readonly after: (output: string) => Promise<unknown>;
}

const LOCK = `hashtextextended('${relationKey({ schema: 'gold', name: 'dim_customer' })}', 0)`;
let beforeCancel: PipelineStatus['finished'] = [];

const CHECKS: Readonly<Record<string, Check>> = {
  [`start ${WORKFLOW.ingest}`]: {
    // The next line asks while the load goes on.
    before: () => session.query('begin; lock table ops.load'),
    after: () => client.workflow.getHandle('january-spend').describe(),
  },
  'update accepted': {
    after: async (output) => {
      await session.query('commit');
      expect(output).toContain('batchId:1');
      await finishedWhere((run) => run.batchIds.includes('1') && run.state === 'success');
    },
  },
  [`start ${WORKFLOW.transform}`]: {
    after: async (output) => {
      const workflowId = await startedBy(output);
      const rows = await session.query(
        `select command, state from ops.run where workflow_id = '${workflowId}'`,
      );
      expect(rows).toEqual([{ command: 'run', state: 'success' }]);
    },
  },
  [`start ${WORKFLOW.verify}`]: {
    after: async (output) => {
      const workflowId = await startedBy(output);
      const rows = await session.query(
        `select command, state from ops.run where workflow_id = '${workflowId}'`,
      );
      expect(rows).toEqual([{ command: 'verify', state: 'success' }]);
    },
  },
  [`start ${WORKFLOW.maintenance}`]: {
    after: async (output) => {
      const workflowId = await startedBy(output);
      const result: unknown = await client.workflow.getHandle(workflowId).result();
      expect(result).toMatchObject({ batches: 0, replays: 0, runs: 0 });
    },
  },
  'signal fullRefresh': {
    after: () => finishedWhere((run) => run.transform?.fullRefresh === true && run.state === 'success'),
  },
  'update requestRun': {
    after: async (output) => {
      expect(output).toMatch(/workflowId:strata\/transform\/\d/);
      await finishedWhere((run) => run.transform?.command === 'test' && run.state === 'success');
    },
  },
  'signal pause': { after: () => waitFor(async () => (await status()).paused) },
  'signal resume': { after: () => waitFor(async () => !(await status()).paused) },
  'signal cancelRun': {
    before: async () => {
      beforeCancel = (await status()).finished;
      await session.query(`select pg_advisory_lock(${LOCK})`);
      await pipeline().signal('fullRefresh', { select: ['dim_customer'] });
      await waitFor(
        async () =>
          (
            await session.query(`select from pg_stat_activity where datname = current_database()
              and query like '%pg_advisory_lock%' and wait_event_type = 'Lock'`)
          ).length > 0,
        { timeoutMs: 30_000, what: 'the run to hang' },
      );
    },
    after: async () => {
      const { number } = await finishedWhere((run) => run.state === 'cancelled');
      expect(beforeCancel.map((run) => run.number)).not.toContain(number);
      await session.query(`select pg_advisory_unlock(${LOCK})`);
    },
  },
  'update resumeNodes': {
    before: () =>
      session.query(`insert into ops.node_suspension (node_id, relation, run_id, failures, error_code, reason, definition)
        values ('model.echo.dim_customer', 'gold.dim_customer', 'r', 3, 'MODEL_FAILED', 'broken', 'd')`),
    after: async (output) => {
      expect(output).toContain('label:gold.dim_customer');
      expect(await session.query('select lifted_because from ops.node_suspension')).toEqual([
        { lifted_because: 'resumed' },
      ]);
    },
  },
  'signal muteAlerts': {
    after: async () => {
      await waitFor(
        async () => (await session.query(`select from ops.alert_mute where subject = 'raw.*'`)).length === 1,
      );
      await client.workflow.getHandle(alertWorkflowId(DEFAULT_WAREHOUSE)).terminate();
    },
  },
  'query status': { after: async (output) => expect(output).toContain('"finished"') },
  'query plan': {
    before: async () => {
      await pipeline().signal('pause');
      await pipeline().signal('fullRefresh');
    },
    after: async (output) => expect(output).toContain('"does":"run --full-refresh"'),
  },
  'schedule list': {
    before: async () => {
      await applySchedules(client, (await readSchedules(join(ROOT, 'sql'))) ?? [], {
        warehouse: DEFAULT_WAREHOUSE,
      });
    },
    // The list of schedules is a moment behind.
    after: () =>
      waitFor(async () =>
        (await shell(LINES.find((line) => line.includes('schedule list')) ?? '')).includes(
          scheduleId(DEFAULT_WAREHOUSE, 'verify'),
        ),
      ),
  },
  'schedule trigger': {
    after: async () => {
      const { info } = await waitFor(async () => {
        const there = await client.schedule
          .getHandle(scheduleId(DEFAULT_WAREHOUSE, 'maintenance'))
          .describe();
        return there.info.recentActions.length > 0 && there;
      });
      const workflowId = info.recentActions[0]?.action.workflow.workflowId ?? '';
      expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ runs: 0 });
    },
  },
  list: {
    before: () =>
      client.workflow.execute(WORKFLOW.ingest, {
        taskQueue: DEFAULT_WAREHOUSE,
        workflowId: ingestWorkflowId(DEFAULT_WAREHOUSE, 'transactions', 'k'),
        args: [{ dataset: 'transactions', file: join(folder, 't.csv') }],
      }),
    // The list of workflows is a moment behind.
    after: () =>
      waitFor(async () =>
        (await shell(LINES.find((line) => line.includes('workflow list')) ?? '')).includes('ingest'),
      ),
  },
};

const keyOf = (line: string): string => {
  const option = (name: string): string | undefined => new RegExp(` --${name} (\\S+)`).exec(line)?.[1];
  const [, , , verb = '', second = ''] = /^(temporal) (\S+) ([\w-]+)(?: (\w+))?/.exec(line) ?? [];
  const message = option('signal-name') ?? option('update-name') ?? option('name');
  const type = option('type');
  if (line.startsWith('temporal schedule ')) return `schedule ${verb}`;
  const words = `${verb} ${second}`;
  if (message !== undefined) return `${/signal|query/.exec(words)?.[0] ?? 'update'} ${message}`;
  return type === undefined ? verb.replace(/ .*/, '') : `start ${type}`;
};

test('there is a line for each of these', () => {
  expect(LINES.map(keyOf)).toEqual(expect.arrayContaining(Object.keys(CHECKS)));
});

test.each(LINES)(
  '%s',
  async (line) => {
    const { before, after } = CHECKS[keyOf(line)] ?? {};
    await before?.();
    const output = await shell(line.replaceAll('/data/', `${folder}/`));
    await after?.(output);
  },
  LONG_MS,
);

import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import type { AlertStatus } from '../../src/wire/alerts';
import { pipelineWorkflowId, QUERY, SIGNAL, UPDATE, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import type { PlannedNode } from '../../src/wire/transform';
import { waitFor } from '../support/wait-for';
import type { WorkflowBench } from '../workflow/workflow-worker';

/** Brings a workflow into the state that the scenario is named after. Returns the execution to record. */
export type Scenario = (bench: WorkflowBench) => Promise<WorkflowHandle>;

const node = (name: string, ...dependsOn: string[]): PlannedNode => ({
  id: `model.echo.${name}`,
  name,
  label: `gold.${name}`,
  kind: 'model',
  materialized: 'incremental',
  dependsOn: dependsOn.map((parent) => `model.echo.${parent}`),
});

const NODES = [
  node('stg_a'),
  node('stg_b'),
  node('dim', 'stg_a'),
  node('fct', 'dim', 'stg_b'),
  node('mart', 'fct'),
];

const fakes: Activities = {
  acceptBatch: () =>
    Promise.resolve({ batchId: '7', databaseUuid: 'db', warehouse: 'w', searchAttributes: false }),
  loadFile: ({ batchId }) =>
    Promise.resolve({ batchId, rowsRead: 3, rowsLoaded: 2, rowsRejected: 1, contentBytes: 99 }),
  publishBatch: ({ batchId, dataset }) =>
    Promise.resolve({
      batchId,
      dataset,
      file: '/data/t.csv',
      outcome: 'published',
      rowsRead: 3,
      rowsLoaded: 2,
      rowsRejected: 1,
      extraColumns: [],
    }),
  failBatch: () => Promise.resolve(),
  notifyPipeline: () => Promise.resolve(),
  scanInbox: () =>
    Promise.resolve({
      inbox: '/in',
      host: 'here',
      databaseUuid: 'db',
      warehouse: 'w',
      ready: [
        {
          file: '/in/transactions-1.csv',
          name: 'transactions-1.csv',
          identity: '1',
          key: 'k1',
          dataset: 'transactions',
        },
        {
          file: '/in/transactions-2.csv',
          name: 'transactions-2.csv',
          identity: '2',
          key: 'k2',
          dataset: 'transactions',
        },
        { file: '/in/customers.csv', name: 'customers.csv', identity: '3', key: 'k3', dataset: 'customers' },
        {
          file: '/in/x.csv',
          name: 'x.csv',
          identity: '4',
          key: 'k4',
          refusal: { code: 'DATASET_UNKNOWN', message: 'no dataset' },
        },
      ],
      waiting: 1,
      more: false,
    }),
  settleInboxFile: ({ file }) => Promise.resolve({ movedTo: `/in/done/${file.name}` }),
  planRun: (input) =>
    Promise.resolve({
      runId: 'run',
      warehouse: 'w',
      databaseUuid: 'db',
      planHash: 'p',
      command: input.command ?? 'run',
      fullRefresh: input.fullRefresh ?? false,
      nodes: NODES,
      threads: input.threads ?? 2,
      retries: input.retries ?? 2,
      retryIntervalMs: input.retryIntervalMs ?? 10,
      searchAttributes: false,
    }),
  runNode: ({ nodeId, attempt }) =>
    Promise.resolve({
      nodeId,
      name: nodeId,
      label: nodeId,
      kind: 'model',
      materialized: 'incremental',
      state: 'success',
      rows: { inserted: 1, updated: 0, deleted: 0 },
      durationMs: 1,
      attempts: attempt,
    }),
  verifyNode: ({ nodeId, attempt }) =>
    Promise.resolve({
      nodeId,
      name: nodeId,
      label: nodeId,
      kind: 'model',
      materialized: 'incremental',
      state: 'success',
      durationMs: 1,
      attempts: attempt,
      verification: { equal: true, rows: 1, periods: 1 },
    }),
  finishRun: () => Promise.resolve({ conditions: [] }),
  requestReplay: () =>
    Promise.resolve({
      replayId: '3',
      dataset: 'transactions',
      letters: 4,
      databaseUuid: 'db',
      warehouse: 'w',
      searchAttributes: false,
    }),
  loadReplay: () => Promise.resolve(),
  publishReplay: ({ replayId, dataset }) =>
    Promise.resolve({ replayId, dataset, letters: 4, replayed: 2, failed: 1, skipped: 1, leftOut: 0 }),
  failReplay: () => Promise.resolve(),
  describeWorker: () => Promise.resolve({ searchAttributes: false }),
  resumeNodes: () => Promise.resolve({ resumed: [] }),
  raiseAlerts: () => Promise.resolve(),
  recordAlerts: ({ tests }) =>
    Promise.resolve({
      open: [],
      openCount: 0,
      deliveries: [],
      tested: tests.map((t) => ({ ...t, deliveries: [] })),
    }),
  deliverAlert: () => Promise.resolve({ state: 'delivered' }),
  pingHeartbeat: () => Promise.resolve({ pinged: true }),
  checkFreshness: () =>
    Promise.resolve({
      checkId: 'run',
      warehouse: 'w',
      databaseUuid: 'db',
      asOf: '2026-01-31T12:00:00.000000Z',
      isLive: true,
      status: 'pass',
      sources: [],
      searchAttributes: false,
      conditions: [{ kind: 'freshness', subject: 'raw.t', state: 'firing' }],
    }),
  endAbandoned: ({ kind, after }) =>
    Promise.resolve({
      ended: kind === 'batch' ? 1 : 0,
      databaseUuid: 'db',
      conditions:
        kind === 'batch' && after === undefined
          ? [{ kind: 'failure', subject: 'transactions', state: 'firing' }]
          : [],
      ...(kind === 'batch' && after === undefined ? { next: '7' } : {}),
    }),
  requestScheduledRun: () =>
    Promise.resolve({
      workflowId: 'w/transform/1',
      firstExecutionRunId: 'r',
      conditions: [],
      databaseUuid: 'db',
      warehouse: 'w',
      searchAttributes: false,
    }),
  runState: () => Promise.resolve({ state: 'success' }),
  sweepLeftovers: () => Promise.resolve({ shadows: 1, consumers: 0, feeds: 0 }),
  trimHistories: () => Promise.resolve({ removed: { 'ops.run': 3 }, more: false }),
  archiveNext: ({ after }) =>
    Promise.resolve({
      done: {
        relation: 'gold.fct',
        partition: after === undefined ? 'fct_2020_01' : 'fct_2020_02',
        state: 'archived',
      },
      ...(after === undefined ? { next: 'gold.fct 2020-01-01' } : {}),
    }),
  analyzeTables: () =>
    Promise.resolve({ analyzed: ['gold.fct'], conditions: [], warehouse: 'w', searchAttributes: false }),
};

const untilCancelled = async (): Promise<never> => {
  const context = Context.current();
  for (;;) {
    context.heartbeat();
    await context.sleep(20);
  }
};

const ended = async (handle: WorkflowHandle): Promise<WorkflowHandle> => {
  await handle.result().catch(() => undefined);
  return handle;
};

const start = async (
  bench: WorkflowBench,
  type: string,
  input: unknown,
  overrides: Partial<Activities> = {},
): Promise<WorkflowHandle> => {
  const { taskQueue } = await bench.start({ ...fakes, ...overrides }, 'here');
  const workflowId = type === WORKFLOW.pipeline ? pipelineWorkflowId(taskQueue) : `${taskQueue}/${type}`;
  const { firstExecutionRunId } = await bench.client.workflow.start(type, {
    taskQueue,
    workflowId,
    args: [input],
  });
  return bench.client.workflow.getHandle(workflowId, firstExecutionRunId);
};

const FILE = { dataset: 'transactions', file: '/data/t.csv' };
const failNode = (name: string, attempts: number, type: string): Partial<Activities> => ({
  runNode: (input) =>
    input.nodeId.endsWith(name) && input.attempt <= attempts
      ? Promise.reject(ApplicationFailure.nonRetryable('it is broken', type))
      : fakes.runNode(input),
});

const finishedRuns = (handle: WorkflowHandle, count: number): Promise<unknown> =>
  waitFor(async () => (await handle.query<PipelineStatus>(QUERY.status)).finished.length >= count);

/** What an alerter does that has a message to send, which arrives at the second try, and a reminder to come. */
const withMessage = (): Partial<Activities> => {
  let tries = 0;
  const message = { deliveryId: '1', channel: 'webhook', inMs: 0 } as const;
  return {
    recordAlerts: async (input) => ({
      ...(await fakes.recordAlerts(input)),
      deliveries: input.conditions.length > 0 ? [message] : [],
      nextLookInMs: 3_600_000,
      heartbeatIntervalMs: 60_000,
    }),
    deliverAlert: () =>
      Promise.resolve(
        tries++ === 0 ? { state: 'pending', next: { ...message, inMs: 20 } } : { state: 'delivered' },
      ),
  };
};

const CONDITION = { kind: 'failure', subject: 'a', state: 'firing' };

/** Until its messages have arrived. */
const told = (handle: WorkflowHandle): Promise<unknown> =>
  waitFor(async () => {
    const { waiting, deliveries, heartbeat } = await handle.query<AlertStatus>(QUERY.status);
    return heartbeat && waiting === 0 && deliveries === 0;
  });

/** The states in which a deploy can meet a workflow. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'freshness-checked': async (bench) => ended(await start(bench, WORKFLOW.freshness, {})),
  'freshness-failed': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.freshness,
        {},
        { checkFreshness: () => Promise.reject(ApplicationFailure.nonRetryable('no plan', 'PLAN_UNKNOWN')) },
      ),
    ),
  'ingest-published': async (bench) => ended(await start(bench, WORKFLOW.ingest, FILE)),
  'ingest-accepted-update': async (bench) => {
    const handle = await start(bench, WORKFLOW.ingest, { ...FILE, transform: false });
    await handle.executeUpdate(UPDATE.accepted);
    return ended(handle);
  },
  'ingest-failed': async (bench) =>
    ended(
      await start(bench, WORKFLOW.ingest, FILE, {
        loadFile: () => Promise.reject(ApplicationFailure.nonRetryable('no column', 'HEADER_MISSING_COLUMN')),
      }),
    ),
  'ingest-cancelled': async (bench) => {
    let loading = false;
    const handle = await start(bench, WORKFLOW.ingest, FILE, {
      loadFile: () => {
        loading = true;
        return untilCancelled();
      },
    });
    await waitFor(() => loading);
    await handle.cancel();
    return ended(handle);
  },
  'ingest-on-host': async (bench) =>
    ended(await start(bench, WORKFLOW.ingest, { ...FILE, host: 'here', within: '/data' })),
  'ingest-host-absent': async (bench) =>
    ended(await start(bench, WORKFLOW.ingest, { ...FILE, host: 'nowhere', hostWaitMs: 100 })),
  'inbox-loaded': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.inbox,
        {},
        {
          loadFile: (input) =>
            Context.current().info.workflowExecution?.workflowId.includes('customers') === true
              ? Promise.reject(ApplicationFailure.nonRetryable('no column', 'HEADER_MISSING_COLUMN'))
              : fakes.loadFile(input),
        },
      ),
    ),
  'inbox-none': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.inbox,
        {},
        {
          scanInbox: () =>
            Promise.resolve({ databaseUuid: 'db', warehouse: 'w', ready: [], waiting: 0, more: false }),
        },
      ),
    ),
  'archive-done': async (bench) =>
    ended(await start(bench, WORKFLOW.archivePartitions, { model: 'fct', before: '2020-03' })),
  'archive-refused': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.archivePartitions,
        {},
        {
          archiveNext: () =>
            Promise.resolve({
              done: {
                relation: 'gold.fct',
                partition: 'fct_2020_01',
                state: 'refused',
                code: 'ARCHIVE_REFUSED',
                problem: 'gold.fct: report is a table',
              },
              alike: ['fct_2020_02'],
            }),
        },
      ),
    ),
  'maintenance-done': async (bench) => ended(await start(bench, WORKFLOW.maintenance, {})),
  'maintenance-failed': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.maintenance,
        { idleMinutes: 1 },
        {
          sweepLeftovers: () =>
            Promise.reject(ApplicationFailure.nonRetryable('no project', 'PROJECT_NOT_FOUND')),
        },
      ),
    ),
  'maintenance-problem': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.maintenance,
        {},
        {
          sweepLeftovers: () =>
            Promise.resolve({
              ...{ shadows: 1, consumers: 0, feeds: 0 },
              problem: { code: 'MODEL_INVALID', message: 'model dim: no such macro' },
            }),
        },
      ),
    ),
  'scheduled-run-success': async (bench) => {
    let looks = 0;
    return ended(
      await start(
        bench,
        WORKFLOW.scheduledRun,
        { transform: { select: ['dim'] }, timeVar: 'at' },
        { runState: () => Promise.resolve({ state: looks++ === 0 ? 'running' : 'success' }) },
      ),
    );
  },
  'scheduled-run-failed': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.scheduledRun,
        {},
        { runState: () => Promise.resolve({ state: 'failed', message: 'it is broken' }) },
      ),
    ),
  'scheduled-run-continued': async (bench) => {
    const handle = await start(
      bench,
      WORKFLOW.scheduledRun,
      { looksPerExecution: 1 },
      { runState: () => Promise.resolve({ state: 'running' }) },
    );
    await waitFor(async () => (await handle.describe()).status.name === 'CONTINUED_AS_NEW');
    return handle;
  },
  'scheduled-run-refused': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.scheduledRun,
        {},
        {
          requestScheduledRun: () =>
            Promise.reject(ApplicationFailure.nonRetryable('no such node', 'SELECTION_EMPTY')),
        },
      ),
    ),
  'transform-success': async (bench) => ended(await start(bench, WORKFLOW.transform, {})),
  'transform-retried': async (bench) =>
    ended(await start(bench, WORKFLOW.transform, {}, failNode('dim', 1, 'MODEL_FAILED'))),
  'transform-failed': async (bench) =>
    ended(await start(bench, WORKFLOW.transform, {}, failNode('stg_a', 9, 'KEY_NULL'))),
  'transform-cancelled': async (bench) => {
    let running = false;
    const handle = await start(
      bench,
      WORKFLOW.transform,
      {},
      {
        runNode: () => {
          running = true;
          return untilCancelled().catch((error: unknown) => {
            throw error instanceof CancelledFailure ? error : new Error(String(error));
          });
        },
      },
    );
    await waitFor(() => running);
    await handle.cancel();
    return ended(handle);
  },
  'verify-equal': async (bench) => ended(await start(bench, WORKFLOW.verify, {})),
  'verify-mismatch': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.transform,
        { command: 'verify' },
        {
          verifyNode: async (input) => {
            const differences = [{ period: '2026-01', missing: 1, unexpected: 0, different: 0 }];
            const verification = { equal: false, rows: 1, periods: 1, differences, differenceCount: 1 };
            const result = await fakes.verifyNode(input);
            return input.nodeId.endsWith('dim') ? { ...result, verification } : result;
          },
        },
      ),
    ),
  'verify-begun-again': async (bench) => {
    let interruptions = 0;
    const handle = await start(
      bench,
      WORKFLOW.verify,
      {},
      {
        verifyNode: (input) =>
          input.nodeId.endsWith('fct') && interruptions++ === 0
            ? Promise.reject(ApplicationFailure.nonRetryable('another run wrote it', 'VERIFY_INTERRUPTED'))
            : fakes.verifyNode(input),
      },
    );
    await waitFor(async () => (await handle.describe()).status.name === 'CONTINUED_AS_NEW');
    return handle;
  },
  'pipeline-idle': async (bench) => {
    const handle = await start(bench, WORKFLOW.pipeline, {});
    await handle.signal(SIGNAL.batchLoaded, { batchId: '1', dataset: 'transactions', databaseUuid: 'db' });
    await handle.signal(SIGNAL.fullRefresh);
    await handle.executeUpdate(UPDATE.requestRun, { args: [{ transform: { select: ['dim+'] } }] });
    await finishedRuns(handle, 3);
    return handle;
  },
  'pipeline-paused': async (bench) => {
    const handle = await start(bench, WORKFLOW.pipeline, { nextNumber: 5 });
    await handle.signal(SIGNAL.pause);
    await handle.signal(SIGNAL.batchLoaded, { batchId: '1', dataset: 'transactions' });
    await waitFor(async () => (await handle.query<PipelineStatus>(QUERY.status)).queue.length === 1);
    return handle;
  },
  'pipeline-cancelled': async (bench) => {
    let running = false;
    const handle = await start(
      bench,
      WORKFLOW.pipeline,
      {},
      {
        runNode: async (input) => {
          if (running) return fakes.runNode(input);
          running = true;
          return untilCancelled();
        },
      },
    );
    await handle.signal(SIGNAL.fullRefresh);
    await waitFor(() => running);
    await handle.signal(SIGNAL.fullRefresh, { select: ['dim+'] });
    await handle.signal(SIGNAL.batchLoaded, { batchId: '1', dataset: 'transactions' });
    await handle.signal(SIGNAL.cancelRun);
    await finishedRuns(handle, 3);
    await handle.executeUpdate(UPDATE.resumeNodes);
    return handle;
  },
  'pipeline-continued': async (bench) => {
    const handle = await start(bench, WORKFLOW.pipeline, { runsPerExecution: 1 });
    await handle.signal(SIGNAL.batchLoaded, { batchId: '1', dataset: 'transactions', planHash: 'p1' });
    await handle.signal(SIGNAL.batchLoaded, { batchId: '2', dataset: 'transactions', planHash: 'p2' });
    await waitFor(async () => (await handle.describe()).status.name === 'CONTINUED_AS_NEW');
    return handle;
  },
  'replay-published': async (bench) =>
    ended(await start(bench, WORKFLOW.replayDeadLetters, { dataset: 'transactions' })),
  'replay-failed': async (bench) =>
    ended(
      await start(
        bench,
        WORKFLOW.replayDeadLetters,
        { replayId: '3' },
        {
          loadReplay: () => Promise.reject(ApplicationFailure.nonRetryable('no dataset', 'DATASET_UNKNOWN')),
        },
      ),
    ),
  'replay-cancelled': async (bench) => {
    let loading = false;
    const handle = await start(
      bench,
      WORKFLOW.replayDeadLetters,
      { replayId: '3' },
      {
        loadReplay: () => {
          loading = true;
          return untilCancelled();
        },
      },
    );
    await waitFor(() => loading);
    await handle.cancel();
    return ended(handle);
  },
  'alert-told': async (bench) => {
    const handle = await start(bench, WORKFLOW.alert, {}, withMessage());
    await handle.signal(SIGNAL.conditionObserved, CONDITION);
    await told(handle);
    await handle.signal(SIGNAL.muteAlerts, { subject: 'a*', seconds: 60 });
    await handle.signal(SIGNAL.ackIncident, { incidentId: '1' });
    await handle.executeUpdate(UPDATE.testAlert, { args: [{ channel: 'slack' }] });
    await handle.signal(SIGNAL.reviewAlerts);
    await told(handle);
    return handle;
  },
  'alert-message-left': async (bench) => {
    let tries = 0;
    const handle = await start(
      bench,
      WORKFLOW.alert,
      {},
      {
        ...withMessage(),
        recordAlerts: async (input) => ({
          ...(await fakes.recordAlerts(input)),
          deliveries: tries < 2 ? [{ deliveryId: '1', channel: 'webhook', inMs: 0 }] : [],
          heartbeatIntervalMs: 60_000,
        }),
        deliverAlert: () =>
          ++tries < 2
            ? Promise.reject(ApplicationFailure.nonRetryable('a bug', 'UNEXPECTED'))
            : Promise.resolve({ state: 'delivered' }),
      },
    );
    await handle.signal(SIGNAL.conditionObserved, CONDITION);
    await waitFor(() => tries === 2);
    await told(handle);
    return handle;
  },
  'alert-continued': async (bench) => {
    const handle = await start(bench, WORKFLOW.alert, { turnsPerExecution: 1 }, withMessage());
    await handle.signal(SIGNAL.conditionObserved, CONDITION);
    await waitFor(async () => (await handle.describe()).status.name === 'CONTINUED_AS_NEW');
    return handle;
  },
};

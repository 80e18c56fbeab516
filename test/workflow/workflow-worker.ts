import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Activities } from '../../src/activities/contract';
import { hostTaskQueue } from '../../src/wire/names';
import type { PlannedNode } from '../../src/wire/transform';
import { bundleWorkflows } from '../support/workflow-bundle';

const silent = new DefaultLogger('ERROR', () => undefined);

/** The workers of tests fail on purpose; their log would only hide what a test says. */
export const quietRuntime = (): void => {
  Runtime.install({ logger: silent, telemetryOptions: { logging: { filter: 'ERROR', forward: {} } } });
};

export interface WorkflowBench {
  readonly client: Client;
  /** A queue of its own, hence a warehouse of its own, for each call. */
  start(activities: Partial<Activities>, host?: string): Promise<RunningWorker>;
  close(): Promise<void>;
}

export interface RunningWorker {
  readonly taskQueue: string;
  stop(): Promise<void>;
}

const unexpectedCall = (name: string) => (): never => {
  throw ApplicationFailure.nonRetryable(`activity ${name} was not expected`, 'TEST_UNEXPECTED_CALL');
};

const ACTIVITY_NAMES = [
  'acceptBatch',
  'loadFile',
  'publishBatch',
  'failBatch',
  'notifyPipeline',
  'planRun',
  'runNode',
  'finishRun',
  'requestReplay',
  'loadReplay',
  'publishReplay',
  'failReplay',
  'describeWorker',
  'resumeNodes',
  'raiseAlerts',
  'recordAlerts',
  'deliverAlert',
  'pingHeartbeat',
  'checkFreshness',
  'scanInbox',
  'settleInboxFile',
  'endAbandoned',
  'sweepLeftovers',
  'trimHistories',
  'analyzeTables',
  'archiveNext',
  'requestScheduledRun',
  'runState',
] as const satisfies readonly (keyof Activities)[];

/** All activities: the given fakes, and for the rest one that fails the test. */
export const fakeActivities = (fakes: Partial<Activities>): Activities => {
  const missing = Object.fromEntries(ACTIVITY_NAMES.map((name) => [name, unexpectedCall(name)]));
  return { ...(missing as unknown as Activities), ...fakes };
};

/** Workers and a client on the real Temporal of the test run. */
export const openWorkflowBench = async (): Promise<WorkflowBench> => {
  const address = process.env.STRATA_TEST_TEMPORAL_ADDRESS;
  if (address === undefined) throw new Error('STRATA_TEST_TEMPORAL_ADDRESS is set by the global set-up');
  quietRuntime();
  const [workflowBundle, connection, clientConnection] = await Promise.all([
    bundleWorkflows(),
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
  ]);
  const running = new Set<RunningWorker>();
  return {
    client: new Client({ connection: clientConnection }),
    async start(fakes, host) {
      const taskQueue = `test-${randomUUID()}`;
      const worker = await Worker.create({
        connection,
        taskQueue,
        workflowBundle,
        activities: fakeActivities(fakes),
        stickyQueueScheduleToStartTimeout: '1s',
        maxHeartbeatThrottleInterval: '100ms',
        // A test that fails may leave an activity waiting.
        shutdownForceTime: '2s',
      });
      const ofHost =
        host === undefined
          ? undefined
          : await Worker.create({
              connection,
              taskQueue: hostTaskQueue(taskQueue, host),
              activities: fakeActivities(fakes),
              shutdownForceTime: '2s',
            });
      const done = Promise.all([worker.run(), ofHost?.run()]);
      const started: RunningWorker = {
        taskQueue,
        stop: async () => {
          running.delete(started);
          worker.shutdown();
          ofHost?.shutdown();
          await done.catch(() => undefined);
        },
      };
      running.add(started);
      return started;
    },
    async close() {
      await Promise.all([...running].map((worker) => worker.stop()));
      await connection.close();
      await clientConnection.close();
    },
  };
};

/** A promise that the test settles. */
export const createGate = (): { open(): void; readonly opened: Promise<void> } => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
};

/** The application failure that a workflow or an update ended with. */
export const failureOf = async (work: Promise<unknown>): Promise<ApplicationFailure> => {
  try {
    await work;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (cause instanceof ApplicationFailure) return cause;
    throw error;
  }
  throw new Error('it did not fail');
};

/** A planned table. */
export const node = (name: string, ...dependsOn: string[]): PlannedNode => ({
  id: name,
  name,
  label: `gold.${name}`,
  kind: 'model',
  materialized: 'table',
  dependsOn,
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  type RuntimeOptions,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities, fileActivitiesOf } from './activities';
import type { Config, TemporalSettings } from './config';
import type { ActivityTelemetry } from './observability/activity-telemetry';
import { createLogger, type Logger } from './observability/logger';
import { histogramBoundaries } from './observability/metrics';
import { logTemporalEntry } from './observability/temporal-logger';
import { temporalUnreachable } from './temporal/connect';
import { registerSearchAttributes } from './temporal/search-attributes';
import { reviewAlerts } from './temporal/signal-alerter';
import { hostTaskQueue } from './wire/names';
import { openWorkerDatabase, type WorkerDatabase } from './worker-database';
import { openWorkerTelemetry } from './worker-telemetry';

/** Loads and nodes at once in this process; more workers share further work. */
const MAX_ACTIVITIES = 10;
/** Loads of this host's own files at once, beside those. */
const MAX_HOST_ACTIVITIES = 5;
/** Workflows kept in memory: an evicted one is replayed from its short history. */
const MAX_CACHED_WORKFLOWS = 50;
/** Activities that go on longer than this at shutdown are given back, and resumed by the next worker. */
const SHUTDOWN_GRACE = '3s';
/** After this a worker that disappeared gives its workflows to another one. */
const STICKY_TIMEOUT = '2s';
/** Cancellation reaches an activity with the answer to a heartbeat; the SDK would hold them back for 24 s. */
const HEARTBEAT_THROTTLE = '2s';

export interface StartWorkerOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  /** The task queue is named as the warehouse. */
  readonly warehouse: string;
  readonly temporal: TemporalSettings & { readonly address: string };
  /** Default: to stderr, as `config` says. */
  readonly logger?: Logger;
  /** For tests that look into a worker. */
  readonly inside?: WorkerInside;
}

/** What a test puts into a worker, over what strata has there. */
export interface WorkerInside extends Pick<WorkerOptions, 'interceptors' | 'workflowBundle'> {
  /** Content of a chunk (ingest/load-file.ts). */
  readonly chunkBytes?: number;
  /** How often it is looked whether a connection is lost (db/answer-watch.ts). */
  readonly lookEveryMs?: number;
}

export interface StartedWorker {
  /** Resolves when the worker has shut down; rejects when it broke. */
  readonly done: Promise<void>;
  /** Stops polling, lets activities end or gives them back, and closes the connections. */
  shutdown(): Promise<void>;
}

/** Prebuilt beside the compiled worker; sources, as in tests, are bundled when the worker starts. */
const workflowSource = (): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'bundlerOptions'> => {
  const codePath = join(__dirname, 'workflow-bundle.js');
  return existsSync(codePath)
    ? { workflowBundle: { codePath } }
    : {
        workflowsPath: require.resolve('./workflows'),
        bundlerOptions: { preloadModules: [require.resolve('./workflows/shared-modules')] },
      };
};

const runtimeOptions = (logger: Logger, metricsAddress: string | undefined): RuntimeOptions => ({
  logger: new DefaultLogger('INFO', (entry) => logTemporalEntry(logger, entry)),
  telemetryOptions: {
    logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    ...(metricsAddress === undefined ? {} : { metrics: { prometheus: prometheusAt(metricsAddress) } }),
  },
  // Signals are the command's affair.
  shutdownSignals: [],
});

const prometheusAt = (bindAddress: string) => ({
  bindAddress,
  countersTotalSuffix: true,
  useSecondsForDurations: true,
  histogramBucketOverrides: histogramBoundaries(),
});

/** The runtime is one per process: a second worker in it shares the first one's. */
const installRuntime = (logger: Logger, metricsAddress: string | undefined): void => {
  try {
    Runtime.install(runtimeOptions(logger, metricsAddress));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'IllegalStateError')) throw error;
  }
};

const openTemporal = async ({
  address,
  connectionOptions,
}: StartWorkerOptions['temporal']): Promise<NativeConnection> => {
  try {
    return await NativeConnection.connect({ ...connectionOptions, address });
  } catch (error) {
    throw temporalUnreachable(address, error);
  }
};

/** Two of one process: one for the warehouse's queue, one for the files of this host. */
const createWorkers = async (
  { config, warehouse, temporal, inside = {} }: StartWorkerOptions,
  {
    database,
    connection,
    telemetry,
    logger,
  }: {
    database: WorkerDatabase;
    connection: NativeConnection;
    telemetry: ActivityTelemetry;
    logger: Logger;
  },
): Promise<readonly [Worker, Worker]> => {
  const searchAttributes = await registerSearchAttributes(connection, temporal.namespace);
  const { chunkBytes, lookEveryMs, ...overrides } = inside;
  const activities = createActivities({
    ...config,
    ...database,
    warehouse,
    searchAttributes,
    logger,
    chunkBytes,
    lookEveryMs,
  });
  const shared = {
    connection,
    namespace: temporal.namespace,
    shutdownGraceTime: SHUTDOWN_GRACE,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
  };
  const activity = [telemetry.interceptor, ...(overrides.interceptors?.activity ?? [])];
  const ofWarehouse = await Worker.create({
    ...shared,
    taskQueue: warehouse,
    activities,
    ...(overrides.workflowBundle === undefined ? workflowSource() : {}),
    ...overrides,
    interceptors: { ...overrides.interceptors, activity },
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
    workflowThreadPoolSize: 1,
  });
  const ofHost = await Worker.create({
    ...shared,
    taskQueue: hostTaskQueue(warehouse, config.host),
    activities: fileActivitiesOf(activities),
    interceptors: { activity },
    maxConcurrentActivityTaskExecutions: MAX_HOST_ACTIVITIES,
  });
  return [ofWarehouse, ofHost];
};

/**
 * Starts the alerter where somebody is to be told, or lets it look at the settings of now: its heartbeat begins before
 * anything is wrong, and what was not delivered yet goes on.
 */
const wakeAlerter = async (
  { config: { alerts }, warehouse, temporal: { namespace } }: StartWorkerOptions,
  connection: NativeConnection,
  logger: Logger,
): Promise<void> => {
  const { webhookUrl, slackUrl, email, heartbeatUrl } = alerts;
  if ([webhookUrl, slackUrl, email, heartbeatUrl].every((place) => place === undefined)) return;
  try {
    await reviewAlerts(new Client({ connection, namespace }), warehouse);
  } catch (error) {
    logger.warn({ why: error instanceof Error ? error.message : String(error) }, 'the alerter was not woken');
  }
};

/**
 * Starts a worker of one warehouse: its database migrated, its task queue served. It runs until `shutdown`.
 * @throws DATABASE_UNREACHABLE, DATABASE_NEWER, MIGRATION_CHANGED, TEMPORAL_UNREACHABLE
 */
export const startWorker = async (options: StartWorkerOptions): Promise<StartedWorker> => {
  const { config } = options;
  const logger = options.logger ?? createLogger({ level: config.logLevel, format: config.logFormat });
  installRuntime(logger, config.metricsAddress);
  const [database, temporal] = await Promise.allSettled([
    openWorkerDatabase({ ...options, lookEveryMs: options.inside?.lookEveryMs }, logger),
    openTemporal(options.temporal),
  ]);
  let telemetry: ActivityTelemetry | undefined;
  const close = async (): Promise<void> => {
    await telemetry?.close();
    if (temporal.status === 'fulfilled') await temporal.value.close();
    if (database.status === 'fulfilled') await database.value.close();
  };
  try {
    if (database.status === 'rejected') throw database.reason;
    if (temporal.status === 'rejected') throw temporal.reason;
    const { warehouse } = options;
    // What telemetry counts, dead letters among it, the loader sees.
    telemetry = await openWorkerTelemetry({ config, pool: database.value.loader.pool, warehouse, logger });
    const parts = { database: database.value, connection: temporal.value, telemetry, logger };
    const workers = await createWorkers(options, parts);
    await wakeAlerter(options, temporal.value, logger);
    return running(workers, close);
  } catch (error) {
    await close();
    throw error;
  }
};

/** Both run until they are shut down; when one breaks, the other ends too. */
const running = (workers: readonly Worker[], close: () => Promise<void>): StartedWorker => {
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run().finally(shutdown));
  const done = Promise.allSettled(runs)
    .then(() => Promise.all(runs))
    .then(() => undefined)
    .finally(close);
  return {
    done,
    shutdown: async () => {
      shutdown();
      await done;
    },
  };
};

import { Runtime } from '@temporalio/worker';
import type { DatabasePool } from 'slonik';
import type { Config } from './config';
import { datasetFigures, failedAlerts, openIncidents, runsUnderWay } from './db/operational-figures';
import { batchTimes, runBatches } from './db/run-batches';
import { databaseUuid } from './db/warehouse';
import { type ActivityTelemetry, createActivityTelemetry } from './observability/activity-telemetry';
import type { Logger } from './observability/logger';
import { createMetrics } from './observability/metrics';
import { sampleGauges } from './observability/sample-gauges';
import { createTracing } from './observability/tracing';

export interface WorkerTelemetryOptions {
  readonly config: Pick<Config, 'metricsAddress' | 'traces'>;
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly logger: Logger;
}

/** What a worker tells of itself: log lines always, metrics and traces where they are asked for. */
export const openWorkerTelemetry = async (options: WorkerTelemetryOptions): Promise<ActivityTelemetry> => {
  const { config, pool, warehouse, logger } = options;
  const metrics =
    config.metricsAddress === undefined ? undefined : createMetrics(Runtime.instance().metricMeter);
  const gauges =
    metrics === undefined
      ? undefined
      : sampleGauges(
          metrics,
          async () => ({
            datasets: await datasetFigures(pool),
            runsUnderWay: await runsUnderWay(pool),
            openIncidents: await openIncidents(pool),
            failedAlerts: await failedAlerts(pool),
          }),
          (error) => logger.debug({ error: String(error) }, 'the gauges were not read'),
        );
  const telemetry = createActivityTelemetry({
    metrics,
    tracing: config.traces ? createTracing({ warehouse }) : undefined,
    logger,
    databaseUuid: await databaseUuid(pool),
    facts: {
      batch: (batchId) => batchTimes(pool, batchId),
      run: (runId) => runBatches(pool, runId),
    },
  });
  return {
    interceptor: telemetry.interceptor,
    close: async () => {
      await gauges?.stop();
      await telemetry.close();
    },
  };
};

import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { alertWorkflowId, pipelineWorkflowId } from '../../src/wire/names';
import { startWorker, type StartWorkerOptions } from '../../src/worker';
import { testTemporalAddress } from './database';

/** A worker that serves a warehouse, and a client that speaks with it. */
export interface ServedWarehouse {
  readonly client: Client;
  readonly stop: () => Promise<void>;
}

/** Starts a worker in this process. Stopping it ends what lives as long as the warehouse: coordinator and alerter. */
export const serveWarehouse = async (
  options: Pick<StartWorkerOptions, 'config' | 'databaseUrl' | 'warehouse' | 'inside'>,
): Promise<ServedWarehouse> => {
  const { config, warehouse } = options;
  const address = testTemporalAddress();
  const worker = await startWorker({
    ...options,
    temporal: { ...config.temporal, address },
    logger: pino({ level: 'silent' }),
  });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  return {
    client,
    stop: async () => {
      for (const workflowId of [pipelineWorkflowId(warehouse), alertWorkflowId(warehouse)])
        await client.workflow
          .getHandle(workflowId)
          .terminate()
          .catch(() => undefined);
      await worker.shutdown();
      await connection.close();
    },
  };
};

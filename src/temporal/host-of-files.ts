import type { Config } from '../config';
import { hostTaskQueue } from '../wire/names';
import type { WarehouseClient } from './start-workflows';

const ACTIVITY_TASK_QUEUE = 2;
/** A worker asks for work at least every minute; Temporal remembers one that is gone for five. */
const SEEN_WITHIN_MS = 120_000;

const hasWorker = async ({ client, warehouse }: WarehouseClient, host: string): Promise<boolean> => {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: hostTaskQueue(warehouse, host) },
    taskQueueType: ACTIVITY_TASK_QUEUE,
  });
  const now = Date.now();
  return (pollers ?? []).some(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 > now - SEEN_WITHIN_MS,
  );
};

/**
 * The host that files of this one are pinned to: the one that is named; else this one, where Temporal is not the
 * embedded server, no worker runs within the process, and a worker of this host is there; else none.
 */
export const hostOfFiles = async (
  warehouse: WarehouseClient & { readonly config: Pick<Config, 'temporal' | 'inlineWorker' | 'host'> },
  named?: string,
): Promise<string | undefined> => {
  if (named !== undefined) return named;
  const { config } = warehouse;
  if (config.temporal.address === undefined || config.inlineWorker) return undefined;
  // Only a convenience: where it can't be found out, whichever worker is free takes the file.
  return (await hasWorker(warehouse, config.host).catch(() => false)) ? config.host : undefined;
};

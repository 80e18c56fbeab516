import type { OpenParts } from './open-parts';
import { leaseWorkerOf } from './open-steps';
import type { Servers } from './session';

/** Starts a worker that stays, and tells other processes that they need none of their own. Closed with `parts`. */
export const runLastingWorker = async (
  { config, warehouse, databaseUrl, temporal, stack }: Servers,
  parts: OpenParts,
): Promise<{ readonly done: Promise<void> }> => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the worker takes half a second to load
  const { startWorker } = require('../worker') as typeof import('../worker');
  const worker = await startWorker({ config, warehouse, databaseUrl, temporal });
  parts.keep('worker', worker.shutdown);
  await stack?.announceWorker(leaseWorkerOf(warehouse, databaseUrl, temporal));
  return worker;
};

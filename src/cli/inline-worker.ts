import type { Config, TemporalSettings } from '../config';
import type { StackMember, LeaseWorker } from '../stack';
import { pause } from './interrupt';

const CHECK_INTERVAL_MS = 1_000;
/** Commands run workers of their own for a moment; only these stay. */
const LASTING_ROLES = ['dev', 'worker'] as const;

export interface InlineWorkerOptions {
  readonly config: Config;
  readonly warehouse: string;
  readonly databaseUrl: string;
  readonly temporal: TemporalSettings & { readonly address: string };
  readonly stack?: StackMember | undefined;
  /** What a lasting worker has to announce to make one's own needless. */
  readonly serves: LeaseWorker;
}

export interface InlineWorker {
  /** Whether the worker runs in this process. */
  readonly isRunning: () => boolean;
  /** Rejects if the worker breaks; never resolves. */
  readonly broken: Promise<never>;
  /** Shuts down gracefully. */
  readonly close: () => Promise<void>;
}

type Started = Awaited<ReturnType<typeof import('../worker').startWorker>>;

const sameWorker = (a: LeaseWorker, b: LeaseWorker): boolean =>
  a.warehouse === b.warehouse && a.database === b.database && a.temporal === b.temporal;

/** Whether one's own will most likely be needed: what it loads is loaded while the servers start. */
export const willNeedWorker = ({ stateDir }: Config): boolean => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
  const { hasLivingWorker } = require('../stack') as typeof import('../stack');
  return !hasLivingWorker(stateDir, LASTING_ROLES);
};

const isServed = async ({ stack, serves }: InlineWorkerOptions): Promise<boolean> =>
  stack !== undefined &&
  (await stack.livingWorkers(LASTING_ROLES)).some((worker) => sameWorker(worker, serves));

/* eslint-disable @typescript-eslint/no-require-imports -- the worker takes half a second to load */
const start = (options: InlineWorkerOptions): Promise<Started> => {
  const { startWorker } = require('../worker') as typeof import('../worker');
  const { createLogger } = require('../observability/logger') as typeof import('../observability/logger');
  const { logLevel, logFormat } = options.config;
  // What fails is told by the command itself, in one line; the worker's own warnings would say it again.
  const logger = createLogger({ level: logLevel === 'warn' ? 'error' : logLevel, format: logFormat });
  return startWorker({ ...options, logger });
};
/* eslint-enable @typescript-eslint/no-require-imports */

/**
 * Sees to it that the task queue is served while a command waits: by a worker of `dev` or `worker` that announces
 * itself for the same warehouse, database and Temporal; where there is none, or it goes away, by one in this process.
 */
export const startInlineWorker = async (options: InlineWorkerOptions): Promise<InlineWorker> => {
  const stop = new AbortController();
  let worker: Started | undefined = (await isServed(options)) ? undefined : await start(options);

  const watch = async (): Promise<void> => {
    while (worker === undefined && !stop.signal.aborted) {
      await pause(CHECK_INTERVAL_MS, stop.signal);
      if (!stop.signal.aborted && !(await isServed(options))) worker = await start(options);
    }
    await worker?.done;
  };
  const watching = watch();
  const broken = new Promise<never>((_, reject) => {
    watching.catch((error: unknown) => {
      if (!stop.signal.aborted) reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
  broken.catch(() => undefined);

  return {
    isRunning: () => worker !== undefined,
    broken,
    close: async () => {
      stop.abort();
      await worker?.shutdown();
      await watching.catch(() => undefined);
    },
  };
};

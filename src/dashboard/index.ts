import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import type { DatabasePool } from 'slonik';
import type { Config } from '../config';
import { listenForChanges } from '../db/listen-changes';
import { createReaderPool } from '../db/reader-pool';
import { ensureRoles } from '../db/roles';
import { StrataError } from '../domain/errors';
import { createLogger } from '../observability/logger';
import { createAnswerCache } from './answer-cache';
import { buildServer } from './build-server';
import type { DashboardDeps } from './deps';
import { createEventHub } from './event-hub';
import { loadDashboardProject } from './project';
import { sweepUploads } from './uploads';

export interface DashboardOptions {
  readonly config: Config;
  readonly warehouse: string;
  readonly databaseUrl: string;
  readonly databaseUuid: string;
  /** Acts as the login. */
  readonly pool: DatabasePool;
  readonly client: Client;
  /** Where Temporal's Web UI is, if it isn't configured. */
  readonly temporalUiUrl?: string | undefined;
  /** Who may act, if it isn't configured. */
  readonly token?: string | undefined;
}

export interface Dashboard {
  /** Without the token. */
  readonly url: string;
  readonly token: string | undefined;
  readonly close: () => Promise<void>;
}

/** Uploads are looked through when batches have changed, not more often than this. */
const SWEEP_PAUSE_MS = 5_000;

const splitAddress = (address: string): { host: string; port: number } => {
  const { hostname, port } = new URL(`http://${address}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
};

/** Another dashboard of this host may have the port that is the default: then any free one will do. */
const listen = async (
  app: FastifyInstance,
  { address, isAddressGiven }: Config['dashboard'],
): Promise<string> => {
  const { host, port } = splitAddress(address);
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (isAddressGiven)
      throw new StrataError('ADDRESS_IN_USE', `Something listens on ${address} already`, {
        cause: error,
      });
    await app.listen({ host, port: 0 });
  }
  const { address: bound, port: taken, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${bound}]` : bound}:${taken}`;
};

/** Calls `sweep` after changes of batches, one call at a time. */
const sweeper = (sweep: () => Promise<void>): { onChange: (change: string) => void; close: () => void } => {
  let timer: NodeJS.Timeout | undefined;
  return {
    onChange: (change) => {
      if (change !== 'batches' && change !== 'reset') return;
      timer ??= setTimeout(() => {
        void sweep().finally(() => {
          timer = undefined;
        });
      }, SWEEP_PAUSE_MS);
    },
    close: () => clearTimeout(timer),
  };
};

/**
 * Starts the server of the page. Reads as the role reader where the login may; acts as the login, for whoever has the
 * token. @throws ADDRESS_IN_USE, PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID, MODEL_INVALID
 */
export const startDashboard = async (options: DashboardOptions): Promise<Dashboard> => {
  const { config, pool, databaseUrl } = options;
  const logger = createLogger({ level: config.logLevel, format: config.logFormat });
  const project = await loadDashboardProject(config.projectDir);
  const reader = await createReaderPool(databaseUrl, await ensureRoles(pool, config), 'strata dashboard');
  const hub = createEventHub();
  const cache = createAnswerCache();
  hub.subscribe(({ change }) => cache.forget(change));
  const listening = listenForChanges(databaseUrl, {
    onChange: (change) => {
      cache.forget(change);
      hub.tell(change);
    },
    onListening: hub.reset,
    onLost: (error) => logger.warn({ err: error }, 'the database is gone: waiting until it is back'),
  });
  const token = config.dashboard.token ?? options.token;
  const deps: DashboardDeps = {
    ...options,
    login: pool,
    reader,
    project,
    hub,
    cache,
    logger,
    token,
    uploadDir: config.dashboard.uploadDir,
    temporalUiUrl: config.dashboard.temporalUiUrl ?? options.temporalUiUrl,
    isListening: listening.isListening,
  };
  const sweeping = sweeper(() =>
    sweepUploads(deps).catch((error: unknown) => logger.warn({ err: error }, 'uploads are not swept')),
  );
  hub.subscribe(({ change }) => sweeping.onChange(change));
  const app = buildServer(deps);
  const close = async (): Promise<void> => {
    sweeping.close();
    hub.close();
    await app.close();
    await listening.close();
    await reader.end();
  };
  try {
    return { url: await listen(app, config.dashboard), token, close };
  } catch (error) {
    await close();
    throw error;
  }
};

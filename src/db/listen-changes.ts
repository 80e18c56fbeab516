import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { sessionUrl } from './pool';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;
/** A connection that was cut off without a word is noticed after so long. */
const PROBE_INTERVAL_MS = 15_000;
const PROBE_TIMEOUT_MS = 5_000;

export interface ChangeListener {
  /** What a transaction changed: `runs`, `batches`, `data platinum.mart_mrr_monthly`... */
  readonly onChange: (change: string) => void;
  /** Listening has begun, again perhaps: changes until now may have gone unheard. */
  readonly onListening: () => void;
  /** Nothing is heard any more; told once, until listening begins again. */
  readonly onLost: (error: Error | undefined) => void;
}

export interface ChangeSubscription {
  readonly isListening: () => boolean;
  readonly close: () => Promise<void>;
}

const open = async (databaseUrl: string, onChange: (change: string) => void): Promise<Client> => {
  const client = new Client({
    connectionString: sessionUrl(databaseUrl, 'strata dashboard listener'),
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
    keepAlive: true,
  });
  client.on('notification', ({ payload }) => {
    if (payload !== undefined) onChange(payload);
  });
  // Told by `lost`; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    // The channel of migration 000013.
    await client.query('listen strata_change');
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
};

/** Resolves when the connection is gone, or doesn't answer any more. */
const lost = (client: Client, signal: AbortSignal): Promise<Error | undefined> =>
  new Promise((resolve) => {
    const probe = setInterval(() => {
      client.query('select').catch(resolve);
    }, PROBE_INTERVAL_MS);
    const settle = (error?: Error): void => {
      clearInterval(probe);
      resolve(error);
    };
    client.once('end', () => settle());
    client.once('error', settle);
    signal.addEventListener('abort', () => settle(), { once: true });
  });

/**
 * Hears of every commit that changes strata's tables, on one connection that comes back by itself, with longer and
 * longer pauses of at most 3 s, when the database restarts.
 */
export const listenForChanges = (databaseUrl: string, listener: ChangeListener): ChangeSubscription => {
  const stop = new AbortController();
  let listening = false;
  let isLossTold = false;
  const listenOnce = async (): Promise<Error | undefined> => {
    const client = await open(databaseUrl, listener.onChange);
    try {
      listening = true;
      isLossTold = false;
      listener.onListening();
      return await lost(client, stop.signal);
    } finally {
      listening = false;
      void client.end().catch(() => undefined);
    }
  };
  const run = async (): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stop.signal.aborted) {
      const startedAt = Date.now();
      const error = await listenOnce().catch((reason: unknown) =>
        reason instanceof Error ? reason : new Error(String(reason)),
      );
      if (stop.signal.aborted) return;
      if (!isLossTold) listener.onLost(error);
      isLossTold = true;
      if (Date.now() - startedAt > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  };
  const running = run();
  return {
    isListening: () => listening,
    close: async () => {
      stop.abort();
      await running;
    },
  };
};

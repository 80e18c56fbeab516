import { createPgDriverFactory } from '@slonik/pg-driver';
import type { DriverClient, DriverFactory } from 'slonik';
import type { StrataError } from '../domain/errors';
import { askOwnBackend, type Backend, watchAnswer } from './answer-watch';
import { within } from './within';

/** Asked of a new connection; no table is read. */
const FIRST_ANSWER_MS = 10_000;
/** A farewell takes no longer than this, nor than slonik lets a statement go on before it. */
const END_LIMIT_MS = 5_000;

export interface WatchedDriverOptions {
  readonly databaseUrl: string;
  readonly lookEveryMs?: number | undefined;
}

/** A pooled connection whose other end may be gone without a word: each of its statements ends in bounded time then. */
class WatchedClient {
  private backend: Promise<Backend> | undefined;
  private lost: StrataError | undefined;

  constructor(
    private readonly client: DriverClient,
    private readonly options: WatchedDriverOptions,
  ) {}

  readonly query: DriverClient['query'] = async (text, values) => {
    if (this.lost) throw this.lost;
    const backend = await this.ownBackend();
    let endWatch: (() => void) | undefined;
    const lost = new Promise<never>((_, reject) => {
      const onLost = (error: StrataError): void => {
        // Also the rollback that follows, which would be awaited as long.
        this.lost = error;
        reject(error);
      };
      endWatch = watchAnswer({ ...this.options, backend, onLost });
    });
    try {
      return await Promise.race([this.client.query(text, values), lost]);
    } finally {
      endWatch?.();
    }
  };

  /** A session that can't be reset is ended: its use is over, and whoever had it is not told. */
  readonly release: DriverClient['release'] = async () => {
    try {
      await this.query('DISCARD ALL');
      await this.client.release();
    } catch {
      await this.destroy();
    }
  };

  readonly destroy: DriverClient['destroy'] = () =>
    within(END_LIMIT_MS, this.client.destroy()).catch(() => undefined);

  private async ownBackend(): Promise<Backend> {
    this.backend ??= within(
      FIRST_ANSWER_MS,
      askOwnBackend((text) => this.client.query(text)),
    );
    try {
      return await this.backend;
    } catch (error) {
      this.backend = undefined;
      throw error;
    }
  }
}

/** slonik's own driver, with connections that are watched. Resets them itself, instead of slonik. */
export const watchedDriver =
  (options: WatchedDriverOptions): DriverFactory =>
  async ({ driverConfiguration }) => {
    const resetConnection = (): Promise<void> => Promise.resolve();
    const driver = await createPgDriverFactory()({
      driverConfiguration: { ...driverConfiguration, resetConnection },
    });
    return {
      createClient: async () => {
        const client = await driver.createClient();
        const { query, release, destroy } = new WatchedClient(client, options);
        return { ...client, query, release, destroy };
      },
    };
  };

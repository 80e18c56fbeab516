import { Socket } from 'node:net';
import { Client, escapeIdentifier } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { DatabasePool } from 'slonik';
import { StrataError } from '../domain/errors';
import { watchAnswers } from './answer-watch';
import { sessionUrl } from './pool';
import { causesOf, sqlStateOf } from './sqlstate';

type CopyStream = ReturnType<typeof copyFrom>;

export interface CopyTarget {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

export interface CopySessionOptions {
  /** What pg_stat_activity shows of the session. */
  readonly name: string;
  /** Over which it is looked whether the connection is lost. */
  readonly pool: DatabasePool;
  /** How often; default: as in production. */
  readonly lookEveryMs?: number | undefined;
}

const connectionTimeoutMs = 10_000;
/** The system asks a silent server from then on whether it is there. */
const KEEP_ALIVE_AFTER_MS = 30_000;
/** A farewell takes no longer than this. */
const END_LIMIT_MS = 5_000;

const copyStatement = ({ schema, table, columns }: CopyTarget): string =>
  `copy ${escapeIdentifier(schema)}.${escapeIdentifier(table)} (${columns.map(escapeIdentifier).join(', ')}) from stdin`;

/** Data exceptions and violated constraints: PostgreSQL quotes the value, or the row, in what it says of them. */
const REFUSED_VALUE_CLASSES = new Set(['22', '23']);

/** The column whose value was refused, by the error's context; the value stands behind it. */
const refusedColumn = (error: unknown, { columns }: CopyTarget): string | undefined => {
  const contexts = causesOf(error).map((e) => (e as { where?: unknown }).where);
  const context = contexts.find((where) => typeof where === 'string');
  return columns.find((name) => context?.includes(`, column ${name}: `));
};

/**
 * PostgreSQL refusing a value is a contract that promises what it doesn't keep. Says which column, and not the value:
 * the error of the server, which does, is not kept as the cause either.
 */
const asCopyError = (error: unknown, target: CopyTarget): unknown => {
  const state = sqlStateOf(error);
  if (state === undefined || !REFUSED_VALUE_CLASSES.has(state.slice(0, 2))) return error;
  const column = refusedColumn(error, target);
  const where = `${target.schema}.${target.table}${column === undefined ? '' : `, column ${column}`}`;
  return new StrataError(
    'DATASET_INVALID',
    `PostgreSQL refuses a value that the contract lets into ${where} (SQLSTATE ${state})`,
  );
};

/**
 * A connection of its own for loading: slonik has no COPY. What one transaction is to hold (rows, the mark of the
 * chunk, the ledger's counts) all goes through here; everything else in strata goes through the pool.
 */
export class CopySession {
  private stream: CopyStream | undefined;
  private target: CopyTarget | undefined;
  private failure: unknown;
  private wake: (() => void) | undefined;

  private awaitedNow: number | undefined;
  private awaitedEver = 0;
  private endWatch: () => void = () => undefined;

  private constructor(
    private readonly client: Client,
    private readonly socket: Socket,
  ) {
    // Without a listener a lost connection would end the process; the statement at hand reports it too.
    client.on('error', (error) => {
      this.fail(error);
    });
  }

  static async open(databaseUrl: string, options: CopySessionOptions): Promise<CopySession> {
    const socket = new Socket();
    const client = new Client({
      connectionString: sessionUrl(databaseUrl),
      connectionTimeoutMillis: connectionTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      stream: () => socket,
    });
    const session = new CopySession(client, socket);
    await client.connect();
    await session.begin(options);
    return session;
  }

  private async begin({ name, pool, lookEveryMs }: CopySessionOptions): Promise<void> {
    const [own] = await this.query(
      `select set_config('application_name', $1, false), pg_backend_pid() as pid`,
      [name],
    );
    this.endWatch = watchAnswers({
      ...{ pool, pid: Number(own?.pid), lookEveryMs },
      awaited: () => this.awaitedNow,
      onLost: (error) => {
        this.fail(error);
        this.socket.destroy();
      },
    });
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    try {
      const asked = this.client.query<Record<string, unknown>>(text, [...values]);
      return (await this.whileAwaited(asked)).rows;
    } catch (error) {
      // A connection that was found lost says so, not that it was ended then.
      throw this.failure instanceof StrataError ? this.failure : error;
    }
  }

  /** Starts COPY in the text format. Rows follow by `write`, and `finishCopy` ends it. */
  startCopy(target: CopyTarget): void {
    this.target = target;
    this.stream = this.client.query(copyFrom(copyStatement(target)));
    this.stream.on('error', (error) => {
      this.fail(error);
    });
  }

  /** Sends rows; waits while the server has enough to do. */
  async write(rows: Buffer): Promise<void> {
    this.throwFailure();
    const stream = this.requireStream();
    if (stream.write(rows)) return;
    await this.until((done) => stream.once('drain', done));
  }

  /** Returns how many rows the server says it has taken. */
  async finishCopy(): Promise<number> {
    const stream = this.requireStream();
    await this.until((done) => stream.end(done));
    this.stream = undefined;
    return stream.rowCount;
  }

  /** Ends the session at once; the server rolls back what isn't committed. */
  async close(): Promise<void> {
    this.endWatch();
    const timer = setTimeout(() => this.socket.destroy(), END_LIMIT_MS);
    await this.client.end().catch(() => undefined);
    clearTimeout(timer);
  }

  /** The server owes an answer until then; without it, it may as well wait for rows. */
  private async whileAwaited<T>(answer: Promise<T>): Promise<T> {
    this.awaitedNow = this.awaitedEver += 1;
    try {
      return await answer;
    } finally {
      this.awaitedNow = undefined;
    }
  }

  private requireStream(): CopyStream {
    if (!this.stream) throw new Error('No COPY is under way');
    return this.stream;
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.wake?.();
  }

  private throwFailure(): void {
    if (this.failure === undefined) return;
    throw this.target ? asCopyError(this.failure, this.target) : this.failure;
  }

  /** Waits for an event, or for the failure that comes instead of it. */
  private async until(listen: (done: () => void) => void): Promise<void> {
    const answer = new Promise<void>((resolve) => {
      this.wake = resolve;
      if (this.failure === undefined) listen(resolve);
      else resolve();
    });
    await this.whileAwaited(answer);
    this.wake = undefined;
    this.throwFailure();
  }
}

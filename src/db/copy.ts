import { Socket } from 'node:net';
import { Client, escapeIdentifier } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { StrataError } from '../domain/errors';
import { askOwnBackend, type Backend, watchAnswer } from './answer-watch';
import { sessionUrl } from './pool';
import { causesOf, isTransient, sqlStateOf } from './sqlstate';
import { within } from './within';

type CopyStream = ReturnType<typeof copyFrom>;

export interface CopyTarget {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

export interface CopySessionOptions {
  /** What pg_stat_activity shows of the session. */
  readonly name: string;
  /** How often it is looked whether the connection is lost; default: as in production. */
  readonly lookEveryMs?: number | undefined;
}

const connectionTimeoutMs = 10_000;
/** The system asks a silent server from then on whether it is there. */
const KEEP_ALIVE_AFTER_MS = 30_000;
/** What a new session asks first waits for nothing. */
const FIRST_ANSWER_MS = 10_000;
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

  private backend: Backend | undefined;

  private constructor(
    private readonly client: Client,
    private readonly socket: Socket,
    private readonly watch: { readonly databaseUrl: string; readonly lookEveryMs?: number | undefined },
  ) {
    // Without a listener a lost connection would end the process; the statement at hand reports it too.
    client.on('error', (error) => {
      this.fail(error);
    });
  }

  static async open(databaseUrl: string, options: CopySessionOptions): Promise<CopySession> {
    const socket = new Socket();
    const connectionString = sessionUrl(databaseUrl);
    const client = new Client({
      connectionString,
      connectionTimeoutMillis: connectionTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      stream: () => socket,
    });
    const { name, lookEveryMs } = options;
    const session = new CopySession(client, socket, { databaseUrl: connectionString, lookEveryMs });
    try {
      await client.connect();
      await within(FIRST_ANSWER_MS, session.begin(name));
    } catch (error) {
      socket.destroy();
      throw session.explained(error);
    }
    return session;
  }

  private async begin(name: string): Promise<void> {
    this.backend = await askOwnBackend((text) => this.client.query(text));
    await this.query(`select set_config('application_name', $1, false)`, [name]);
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    try {
      const asked = this.client.query<Record<string, unknown>>(text, [...values]);
      return (await this.whileAwaited(asked)).rows;
    } catch (error) {
      // A connection that was found lost says so, not that it was ended then.
      throw this.failure instanceof StrataError ? this.failure : this.explained(error);
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
    const timer = setTimeout(() => this.socket.destroy(), END_LIMIT_MS);
    await this.client.end().catch(() => undefined);
    clearTimeout(timer);
  }

  /** The server owes an answer until then; without it, it may as well wait for rows. */
  private async whileAwaited<T>(answer: Promise<T>): Promise<T> {
    if (!this.backend) return answer;
    const onLost = (error: StrataError): void => {
      this.fail(error);
      this.socket.destroy();
    };
    const endWatch = watchAnswer({ ...this.watch, backend: this.backend, onLost });
    try {
      return await answer;
    } finally {
      endWatch();
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

  /** What pg says of a connection that could not be had, or has ended, has neither code nor class of its own. */
  private explained(error: unknown): unknown {
    if (!this.socket.destroyed || sqlStateOf(error) !== undefined || isTransient(error)) return error;
    if (error instanceof StrataError || !(error instanceof Error)) return error;
    return new StrataError('DATABASE_UNREACHABLE', error.message, { cause: error });
  }

  private throwFailure(): void {
    if (this.failure === undefined) return;
    const failure = this.explained(this.failure);
    throw this.target ? asCopyError(failure, this.target) : failure;
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

import type { DatabasePool, DatabasePoolConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { endSessions } from './end-sessions';
import { asLoginRole } from './acting-role';

const SessionRow = z.object({ pid: z.number(), database: z.string() });

export interface NodeSession {
  /** In pg_stat_activity; without `begin` the same for all attempts at the same work, and for no other work. */
  readonly name: string;
  /** Gives the session its name, and sees that it is the one that counts; default: ends all others of the name. */
  readonly begin?: (connection: DatabasePoolConnection) => Promise<void>;
  /** What is locked while the work goes on. */
  readonly lock: string;
  /** Aborted: the statement that runs is cancelled. */
  readonly signal: AbortSignal;
}

/** A cancellation that comes between two statements reaches neither: it is sent again until the work has ended. */
const CANCEL_AGAIN_MS = 1_000;

/** Cancels what the session runs from when the signal is aborted. Returns what ends the watch, and waits for it. */
const cancelOnAbort = (
  pool: DatabasePool,
  { name, signal }: NodeSession,
  pid: number,
): (() => Promise<void>) => {
  let sent: Promise<unknown> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    // Only while it has its name: the connection may have gone on to other work.
    const statement = sql.typeAlias('void')`
      select pg_cancel_backend(pid) from pg_stat_activity where pid = ${pid} and application_name = ${name}
    `;
    sent ??= pool
      .connect((connection) => asLoginRole(connection, () => connection.query(statement)))
      .catch(() => undefined)
      .finally(() => (sent = undefined));
  };
  const begin = (): void => {
    cancel();
    timer = setInterval(cancel, CANCEL_AGAIN_MS);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return async () => {
    signal.removeEventListener('abort', begin);
    clearInterval(timer);
    await sent;
  };
};

/**
 * The newest attempt at a node is the one that counts: it ends the sessions of earlier ones, which else would hold the
 * lock for as long as their frozen worker stays connected. What they had done is rolled back.
 */
const endEarlierAttempts = async (connection: DatabasePoolConnection, name: string): Promise<void> => {
  await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  await endSessions(connection, sql.fragment`application_name = ${name} and usename = session_user`);
};

const underLock = async <T>(
  connection: DatabasePoolConnection,
  { name, lock, signal, begin = (own) => endEarlierAttempts(own, name) }: NodeSession,
  work: () => Promise<T>,
): Promise<T> => {
  await begin(connection);
  await connection.query(sql.typeAlias('void')`select pg_advisory_lock(hashtextextended(${lock}, 0))`);
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    await connection
      .query(sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${lock}, 0))`)
      .catch(() => undefined);
  }
};

/**
 * Does the work of one attempt at a node in a session of its own, under a session's lock: taken before the work's
 * transaction begins, so that its snapshot is from after the wait; it dies with the session.
 */
export const withNodeSession = <T>(
  pool: DatabasePool,
  node: NodeSession,
  work: (connection: DatabasePoolConnection, database: string) => Promise<T>,
): Promise<T> =>
  pool.connect(async (connection) => {
    const { pid, database } = await connection.one(
      sql.type(SessionRow)`select pg_backend_pid() as pid, current_database()::text as database`,
    );
    const endWatch = cancelOnAbort(pool, node, pid);
    try {
      return await underLock(connection, node, () => work(connection, database));
    } finally {
      await endWatch();
    }
  });

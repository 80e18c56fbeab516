import type { DatabasePool, DatabasePoolConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { asLoginRole } from './roles';

const SessionRow = z.object({ pid: z.number(), database: z.string() });

export interface NodeSession {
  /** In pg_stat_activity: the same for all attempts at the same work, and for no other work. */
  readonly name: string;
  /** What is locked while the work goes on. */
  readonly lock: string;
  /** Aborted: the statement that runs is cancelled. */
  readonly signal: AbortSignal;
}

/** Cancels what a backend runs when the signal is aborted. Returns what ends the watch. */
const cancelOnAbort = (pool: DatabasePool, signal: AbortSignal, pid: number): (() => void) => {
  const cancel = (): void => {
    pool
      .connect((connection) =>
        asLoginRole(connection, () =>
          connection.query(sql.typeAlias('void')`select pg_cancel_backend(${pid})`),
        ),
      )
      .catch(() => undefined);
  };
  signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
};

/**
 * The newest attempt at a node is the one that counts: it ends the sessions of earlier ones, which else would hold the
 * lock for as long as their frozen worker stays connected. What they had done is rolled back.
 */
const endEarlierAttempts = async (connection: DatabasePoolConnection, name: string): Promise<void> => {
  await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  await asLoginRole(connection, () =>
    connection.query(sql.typeAlias('void')`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${name} and datname = current_database() and usename = session_user
        and pid <> pg_backend_pid()
    `),
  );
};

/**
 * Does the work of one attempt at a node in a session of its own, under a session's lock: taken before the work's
 * transaction begins, so that its snapshot is from after the wait; it dies with the session.
 */
export const withNodeSession = <T>(
  pool: DatabasePool,
  { name, lock, signal }: NodeSession,
  work: (connection: DatabasePoolConnection, database: string) => Promise<T>,
): Promise<T> =>
  pool.connect(async (connection) => {
    const session = await connection.one(
      sql.type(SessionRow)`select pg_backend_pid() as pid, current_database()::text as database`,
    );
    const endWatch = cancelOnAbort(pool, signal, session.pid);
    try {
      await endEarlierAttempts(connection, name);
      await connection.query(sql.typeAlias('void')`select pg_advisory_lock(hashtextextended(${lock}, 0))`);
      signal.throwIfAborted();
      return await work(connection, session.database);
    } finally {
      endWatch();
      await connection
        .query(sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${lock}, 0))`)
        .catch(() => undefined);
    }
  });

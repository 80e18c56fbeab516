import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import { asLoginRole } from './acting-role';
import { sql } from './sql';

/** Looks in a row that must find the same standstill: a look may come between an answer and the next statement. */
const LOOKS = 3;
/** Lost is noticed in some minute and a half: after a look or two more where those fail, too. */
const LOOK_EVERY_MS = 20_000;

const LOST = 'The connection to PostgreSQL is lost: an answer is awaited, and the server is not at it';

const LookRow = z.object({ standstill: z.string().nullable() });

export interface AnswerWatch {
  readonly pool: DatabasePool;
  /** The backend of the session. */
  readonly pid: number;
  /** Which answer of the server is awaited, a new number for each; undefined: none is. */
  readonly awaited: () => number | undefined;
  /** Called at most once. */
  readonly onLost: (error: StrataError) => void;
  readonly lookEveryMs?: number | undefined;
}

/**
 * What the backend stands at while it waits for its client; null while it works or waits for a lock. As the login role:
 * others may not see what a session does. A look has its limit: its own connection can be as dead.
 */
const lookAt = (pool: DatabasePool, pid: number, limitMs: number): Promise<string | null> =>
  pool.connect(async (connection) => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new StrataError('DATABASE_UNREACHABLE', 'PostgreSQL does not say what a session does'));
      }, limitMs);
    });
    const look = asLoginRole(connection, () =>
      connection.maybeOne(sql.type(LookRow)`
        select case when a.wait_event_type = 'Client'
          then concat_ws(' ', a.state, a.wait_event, a.state_change, c.bytes_processed) end as standstill
        from pg_stat_activity as a
        left join pg_stat_progress_copy as c on c.pid = a.pid
        where a.pid = ${pid}
      `),
    );
    try {
      const row = await Promise.race([look, limit]);
      return row === null ? 'gone' : row.standstill;
    } finally {
      clearTimeout(timer);
    }
  });

/**
 * Notices a connection whose other end is gone without a word: the answer that is awaited never comes, and no socket
 * fails. It is lost when the server has no such session, or waits itself, unmoved from look to look. Returns what ends
 * the watch.
 */
export const watchAnswers = (watch: AnswerWatch): (() => void) => {
  const { pool, pid, awaited, onLost, lookEveryMs = LOOK_EVERY_MS } = watch;
  let isLooking = false;
  let isOver = false;
  let last: string | undefined;
  let times = 0;
  const judge = (found: string | undefined): void => {
    times = found === undefined ? 0 : found === last ? times + 1 : 1;
    last = found;
    if (times < LOOKS || isOver) return;
    end();
    onLost(new StrataError('DATABASE_UNREACHABLE', LOST));
  };
  const look = async (): Promise<void> => {
    const before = awaited();
    if (before === undefined) {
      judge(undefined);
      return;
    }
    const standstill = await lookAt(pool, pid, lookEveryMs / 2);
    judge(standstill === null || awaited() !== before ? undefined : `${before} ${standstill}`);
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    // A look that fails says nothing about the session.
    void look()
      .catch(() => undefined)
      .finally(() => (isLooking = false));
  }, lookEveryMs);
  const end = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  return end;
};

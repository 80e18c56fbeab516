import { Client } from 'pg';
import { StrataError } from '../domain/errors';
import { within } from './within';

/** Looks in a row that must find the same standstill: a look may come between an answer and the next statement. */
const LOOKS = 3;
/** Lost is noticed in some minute and a half: after a look or two more where those fail, too. */
const LOOK_EVERY_MS = 20_000;

const LOST = 'The connection to PostgreSQL is lost: an answer is awaited, and the server is not at it';

/** A session's backend, told from a later one of its pid, and its server from another. */
export interface Backend {
  readonly pid: number;
  /** Null where the session could not see it. */
  readonly startedAt: string | null;
  readonly serverStartedAt: string;
}

/**
 * What a session asks first, to know its own backend: as the login role, since a role that acts may not even see when
 * its own session began.
 */
export const AT_FIRST = {
  begin: 'set role none',
  ownBackend: `
  select pid, extract(epoch from backend_start)::text as "startedAt",
    extract(epoch from pg_postmaster_start_time())::text as "serverStartedAt"
  from pg_stat_activity where pid = pg_backend_pid()`,
  end: 'reset role',
} as const;

/** Asks a new session for its own backend. */
export const askOwnBackend = async (
  query: (text: string) => Promise<{ readonly rows: readonly unknown[] }>,
): Promise<Backend> => {
  await query(AT_FIRST.begin);
  const { rows } = await query(AT_FIRST.ownBackend);
  await query(AT_FIRST.end);
  return rows[0] as Backend;
};

export interface AnswerWatch {
  readonly databaseUrl: string;
  readonly backend: Backend;
  /** Called at most once. */
  readonly onLost: (error: StrataError) => void;
  readonly lookEveryMs?: number | undefined;
}

/** What a look finds. */
export interface LookRow {
  readonly pid: number;
  readonly is_standby: boolean;
  readonly server_started_at: string;
  readonly is_there: boolean;
  readonly started_at: string | null;
  readonly standstill: string | null;
}

/** As the login role: others may not see what a session does. */
const LOOK = `
  select pg_backend_pid() as pid, pg_is_in_recovery() as is_standby,
    extract(epoch from pg_postmaster_start_time())::text as server_started_at,
    a.pid is not null as is_there, extract(epoch from a.backend_start)::text as started_at,
    case when a.wait_event_type = 'Client' and a.state <> 'disabled'
      then concat_ws(' ', a.state, a.wait_event, a.state_change, c.bytes_processed) end as standstill
  from (select $1::integer as pid) as s
  left join pg_stat_activity as a on a.pid = s.pid
  left join pg_stat_progress_copy as c on c.pid = s.pid`;

/**
 * What the backend stands at while it waits for its client; undefined while it works or waits for a lock, and where that
 * can't be told: rather no verdict than a wrong one. `own`: the backend of the look, as the protocol has named it.
 */
export const standstillOf = (row: LookRow, own: number | null, backend: Backend): string | undefined => {
  // Through a pooler, or at a standby: the session may be elsewhere.
  if (row.pid !== own || row.is_standby) return undefined;
  // The primary is another one now, or has started anew.
  if (row.server_started_at !== backend.serverStartedAt) return 'gone';
  if (!row.is_there) return 'gone';
  // Nothing that this session may see, or the one that is watched could.
  if (row.started_at === null || backend.startedAt === null) return undefined;
  return row.started_at === backend.startedAt ? (row.standstill ?? undefined) : 'gone';
};

/** Over a connection of its own: those of the pool can be as dead. */
const lookAt = async (
  databaseUrl: string,
  backend: Backend,
  limitMs: number,
): Promise<string | undefined> => {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('set role none');
    const { rows } = await client.query<LookRow>(LOOK, [backend.pid]);
    const { processID: own } = client as unknown as { processID: number | null };
    return rows[0] && standstillOf(rows[0], own, backend);
  } finally {
    await within(limitMs, client.end()).catch(() => undefined);
  }
};

/**
 * Notices that the other end of a connection is gone without a word: the answer that is awaited never comes, and no
 * socket fails. It is lost when the server has no such session, or waits itself, unmoved from look to look. Returns what
 * ends the watch: the answer is there.
 */
export const watchAnswer = (watch: AnswerWatch): (() => void) => {
  const { databaseUrl, backend, onLost, lookEveryMs = LOOK_EVERY_MS } = watch;
  let isLooking = false;
  let isOver = false;
  let last: string | undefined;
  let times = 0;
  const count = (found: string | undefined): void => {
    times = found === undefined ? 0 : found === last ? times + 1 : 1;
    last = found;
    if (times < LOOKS || isOver) return;
    end();
    onLost(new StrataError('DATABASE_UNREACHABLE', LOST));
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    // A look that fails says nothing about the session.
    void lookAt(databaseUrl, backend, lookEveryMs / 2)
      .then(count, () => undefined)
      .finally(() => (isLooking = false));
  }, lookEveryMs);
  const end = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  return end;
};

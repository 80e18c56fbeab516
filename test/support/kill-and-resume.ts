import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { Client } from 'pg';
import { queryRows } from './stack-homes';
import { loadTransactions, type LoadOrder } from './load-process';
import { waitFor } from './wait-for';

const CHECKOUT = resolve(__dirname, '..', '..');

/** A load whose process was killed, and that another one has ended. */
export interface ResumedLoad {
  /** Content that was safe when the process was killed. */
  readonly safeBytes: number;
  readonly contentBytes: number;
  readonly rows: number;
  /** Rows that the server was sent, over all attempts, those of transactions that were never committed included. */
  readonly rowsSent: number;
  /** The content of the rows that were sent more than once, by their mean length. */
  readonly bytesAgain: number;
  readonly secondsResumed: number;
}

/** Any number will do: who asks for this lock waits. */
const HELD_CHUNK = 4_207_113;

/**
 * Makes the transaction of the first chunk that ends after `fromBytes` wait before its commit, until the client of the
 * answer ends: however quick the load is, it is killed there.
 */
const holdChunk = async (databaseUrl: string, fromBytes: number): Promise<Client> => {
  await queryRows(
    databaseUrl,
    `create or replace function public.hold_chunk() returns trigger language plpgsql as $$
    begin
      if new.end_offset >= ${Math.ceil(fromBytes)} then perform pg_advisory_xact_lock(${HELD_CHUNK}); end if;
      return new;
    end $$;
    create or replace trigger hold_chunk before insert on ops.load_chunk
    for each row execute function public.hold_chunk()`,
  );
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`select pg_advisory_lock(${HELD_CHUNK})`);
  return client;
};

const isHeld = async (databaseUrl: string): Promise<boolean> => {
  const waiting = await queryRows(
    databaseUrl,
    `select from pg_locks where locktype = 'advisory' and objid = ${HELD_CHUNK} and not granted
      and database = (select oid from pg_database where datname = current_database())`,
  );
  return waiting.length > 0;
};

const safeBytesOf = async (order: LoadOrder): Promise<number> => {
  const [row] = await queryRows(
    order.databaseUrl,
    `select coalesce(max(c.end_offset), 0) as safe from ops.load_chunk as c
    inner join ops.load as l on l.load_id = c.load_id where l.batch_id = ${order.batchId}`,
  );
  return Number(row?.safe);
};

/** Loads in a process of its own, until it is killed. */
const loadInProcess = (order: LoadOrder): { kill: () => Promise<void> } => {
  const program = `
    const { loadTransactions } = require('jiti').createJiti(${JSON.stringify(`${CHECKOUT}/package.json`)})('./test/support/load-process.ts');
    loadTransactions(${JSON.stringify(order)}).catch((error) => { console.error(error); process.exitCode = 1; });
  `;
  const child = spawn(process.execPath, ['-e', program], {
    cwd: CHECKOUT,
    env: process.env,
    stdio: 'inherit',
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
};

/** No session of the load is left: what it did has been rolled back, and counted. */
const sessionsEnd = (databaseUrl: string): Promise<unknown> =>
  waitFor(
    async () => {
      const rows = await queryRows(
        databaseUrl,
        "select from pg_stat_activity where application_name like 'strata load%' and datname = current_database()",
      );
      return rows.length === 0;
    },
    { what: 'the end of the sessions' },
  );

/**
 * Kills a load by SIGKILL when it is about to commit the chunk that reaches so much of the content, and loads the rest in
 * this process.
 */
export const killAndResume = async (
  order: LoadOrder,
  { killedAtBytes, timeoutMs }: { readonly killedAtBytes: number; readonly timeoutMs: number },
): Promise<ResumedLoad> => {
  const held = await holdChunk(order.databaseUrl, killedAtBytes);
  const loading = loadInProcess(order);
  try {
    await waitFor(() => isHeld(order.databaseUrl), {
      timeoutMs,
      what: 'the chunk at which the load is killed',
    });
  } finally {
    await loading.kill();
    await held.end();
  }
  const safe = await safeBytesOf(order);
  const startedAt = performance.now();
  await loadTransactions(order);
  const secondsResumed = (performance.now() - startedAt) / 1000;
  await sessionsEnd(order.databaseUrl);
  const [result] = await queryRows(
    order.databaseUrl,
    `select content_bytes, rows_loaded, state,
      (select n_tup_ins from pg_stat_user_tables where schemaname = 'strata_bronze' and relname = 'transactions') as sent
    from ops.batch where batch_id = ${order.batchId}`,
  );
  const [contentBytes, rows, rowsSent] = [result?.content_bytes, result?.rows_loaded, result?.sent].map(
    Number,
  ) as [number, number, number];
  const bytesAgain = Math.round(((rowsSent - rows) * contentBytes) / rows);
  return { safeBytes: safe, contentBytes, rows, rowsSent, bytesAgain, secondsResumed };
};

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client } from 'pg';
import { pipelineWorkflowId, QUERY, WORKFLOW } from '../../src/wire/names';
import type { PipelineStatus } from '../../src/wire/pipeline';
import { waitFor } from '../support/wait-for';
import type { Expected, SourceFile } from './load-source';

const ROOT = resolve(__dirname, '..', '..');
const QUIET_TIMEOUT_MS = 300_000;
const run = promisify(execFile);

export interface Servers {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Name of the database, and so of the task queue. */
  readonly warehouse: string;
}

/** What can grow and must not. */
export interface Sample {
  readonly atSeconds: number;
  /** The greatest of the workers', now and since their start. */
  readonly rssMb: number;
  readonly peakRssMb: number;
  readonly connections: number;
  readonly coordinatorEvents: number;
  readonly feedRows: number;
  /** On disk: what is appended and deleted leaves dead rows until the next vacuum. */
  readonly feedMb: number;
  /** Share of dead rows in all tables but the feeds, per cent. */
  readonly deadPercent: number;
}

/** Workers as users start them, and a client that starts loads and looks at them from outside. */
export class SystemUnderLoad {
  #workers: ChildProcess[] = [];
  readonly #startedAt = Date.now();

  private constructor(
    private readonly servers: Servers,
    private readonly database: Client,
    private readonly connection: Connection,
    private readonly temporal: TemporalClient,
  ) {}

  static async open(servers: Servers, workers: number): Promise<SystemUnderLoad> {
    const database = new Client({ connectionString: servers.databaseUrl, application_name: 'soak' });
    await database.connect();
    const connection = await Connection.connect({ address: servers.temporalAddress });
    const system = new SystemUnderLoad(servers, database, connection, new TemporalClient({ connection }));
    for (let i = 0; i < workers; i++) await system.#startWorker();
    return system;
  }

  async close(): Promise<void> {
    const ended = this.#workers.map((w) => new Promise((done) => w.once('close', done)));
    for (const worker of this.#workers) worker.kill('SIGTERM');
    await Promise.all(ended);
    await this.temporal.workflow
      .getHandle(pipelineWorkflowId(this.servers.warehouse))
      .terminate()
      .catch(() => undefined);
    await this.connection.close();
    await this.database.end();
  }

  /** Starts a load as any shell does; does not wait for it. */
  async load({ dataset, file }: SourceFile): Promise<void> {
    await this.temporal.workflow.start(WORKFLOW.ingest, {
      taskQueue: this.servers.warehouse,
      workflowId: `${this.servers.warehouse}/load/${file}`,
      args: [{ dataset, file }],
    });
  }

  /** Until so many batches are accepted: their order is that of the rows that correct each other. */
  async untilAccepted(files: number): Promise<void> {
    await waitFor(async () => (await this.#count('select count(*) from ops.batch')) >= files, {
      timeoutMs: QUIET_TIMEOUT_MS,
      intervalMs: 20,
      what: `${files} files to be accepted`,
    });
  }

  /** Until every load is published and the coordinator has nothing left to run; then what the tables hold. */
  async untilQuiet(files: number): Promise<Expected> {
    await waitFor(
      async () => (await this.#count("select count(*) from ops.batch where state = 'published'")) === files,
      {
        timeoutMs: QUIET_TIMEOUT_MS,
        intervalMs: 250,
        what: `all of ${files} files to be published`,
      },
    );
    await waitFor(async () => this.#isIdle(), {
      timeoutMs: QUIET_TIMEOUT_MS,
      intervalMs: 250,
      what: 'the coordinator to be idle',
    });
    const { rows } = await this.database.query<{ transactions: string; revenue: string; letters: string }>(`
      select
        (select count(*) from gold.fct_transactions) as transactions,
        (select round(coalesce(sum(revenue), 0) * 100)::bigint from platinum.mart_revenue_daily) as revenue,
        (select count(*) from ops.dead_letter_queue) as letters
    `);
    const row = rows[0];
    return {
      transactions: Number(row?.transactions),
      revenue: BigInt(row?.revenue ?? 0),
      deadLetters: Number(row?.letters),
    };
  }

  /** Seconds from the acceptance of each file to the end of the run that brought it to the marts. */
  async latencies(): Promise<number[]> {
    const { rows } = await this.database.query<{ seconds: string }>(`
      select extract(epoch from min(r.finished_at) - b.accepted_at) as seconds
      from ops.batch as b
      inner join ops.load as l on l.batch_id = b.batch_id
      inner join ops.run_input as i on i.dataset = b.dataset and i.position >= l.position
      inner join ops.run as r on r.run_id = i.run_id and r.state = 'success'
      group by b.batch_id, b.accepted_at
    `);
    return rows.map((row) => Number(row.seconds)).sort((a, b) => a - b);
  }

  /** Nodes that needed more than one try: under plain load none should. */
  async retriedNodes(): Promise<string[]> {
    const { rows } = await this.database.query<{ node: string }>(
      `select label || ' after ' || attempts || ' tries' as node from ops.model_run where attempts > 1 order by 1`,
    );
    return rows.map((row) => row.node);
  }

  async sample(): Promise<Sample> {
    const memory = await Promise.all(this.#workers.map((w) => residentMb(w.pid ?? 0)));
    return {
      atSeconds: Math.round((Date.now() - this.#startedAt) / 1000),
      rssMb: Math.max(...memory.map(({ now }) => now)),
      peakRssMb: Math.max(...memory.map(({ peak }) => peak)),
      connections: await this.#count(
        `select count(*) from pg_stat_activity
        where datname = current_database() and application_name <> 'soak' and backend_type = 'client backend'`,
      ),
      coordinatorEvents: await this.#coordinatorEvents(),
      feedRows: await this.#feedRows(),
      feedMb: await this.#count(
        `select ceil(coalesce(sum(pg_total_relation_size(relid)), 0) / 1048576) from pg_stat_user_tables
        where schemaname = 'strata_feed'`,
      ),
      deadPercent: await this.#count(
        `select round(100 * sum(n_dead_tup) / greatest(sum(n_live_tup), 100000)) from pg_stat_user_tables
        where schemaname <> 'strata_feed'`,
      ),
    };
  }

  async #startWorker(): Promise<void> {
    const worker = spawn(process.execPath, [join(ROOT, 'dist', 'cli.js'), 'worker'], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        DATABASE_URL: this.servers.databaseUrl,
        TEMPORAL_ADDRESS: this.servers.temporalAddress,
        STRATA_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#workers.push(worker);
    let said = '';
    worker.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await waitFor(() => said.includes('\n') || worker.exitCode !== null, {
      timeoutMs: 60_000,
      what: 'the worker to be ready',
    });
    if (worker.exitCode !== null) throw new Error(`A worker ended at once: ${said}`);
  }

  async #isIdle(): Promise<boolean> {
    const handle = this.temporal.workflow.getHandle(pipelineWorkflowId(this.servers.warehouse));
    const status = await handle.query<PipelineStatus>(QUERY.status);
    return status.running === undefined && status.queue.length === 0 && status.finished.length > 0;
  }

  async #coordinatorEvents(): Promise<number> {
    const handle = this.temporal.workflow.getHandle(pipelineWorkflowId(this.servers.warehouse));
    return (await handle.describe().catch(() => undefined))?.historyLength ?? 0;
  }

  /** Counted, not estimated: what nobody has trimmed. */
  async #feedRows(): Promise<number> {
    const { rows } = await this.database.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'strata_feed'`,
    );
    let total = 0;
    for (const { name } of rows)
      // A feed is made anew when its relation is rebuilt.
      total += await this.#count(`select count(*) from ${name}`).catch(() => 0);
    return total;
  }

  async #count(query: string): Promise<number> {
    const { rows } = await this.database.query<Record<string, string>>(query);
    return Number(Object.values(rows[0] ?? {})[0]);
  }
}

/** The system's own account of the peak, where it keeps one: samples would miss it. */
const residentMb = async (pid: number): Promise<{ now: number; peak: number }> => {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  const now = Number(stdout.trim());
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? now);
  return { now: Math.round(now / 1024), peak: Math.round(peak / 1024) };
};

/** strata as its users have it: a worker of its own process, asked by Temporal's client or by the command line. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  Client as TemporalClient,
  Connection,
  type WorkflowHandle,
  WithStartWorkflowOperation,
} from '@temporalio/client';
import type { IngestResult } from '../src/wire/ingest';
import { pipelineWorkflowId, UPDATE, WORKFLOW } from '../src/wire/names';
import type { RunRequest, StartedRun } from '../src/wire/pipeline';
import type { TransformInput, TransformResult } from '../src/wire/transform';
import { waitFor } from '../test/support/wait-for';
import { DATASETS, type DatasetName } from './data';
import { secondsSince, type Timed } from './floor';

const ROOT = resolve(__dirname, '..');
const CLI = join(ROOT, 'dist', 'cli.js');
const READY_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

export interface Servers {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** The database's name, and so the warehouse's. */
  readonly warehouse: string;
  /** Folder of the inbox. */
  readonly inbox: string;
  /** Folder of the worker's project; default: strata's own. */
  readonly projectDir?: string | undefined;
}

export class Warehouse {
  #loads = 0;

  private constructor(
    private readonly servers: Servers,
    private readonly worker: ChildProcess,
    private readonly connection: Connection,
    private readonly temporal: TemporalClient,
  ) {}

  get inbox(): string {
    return this.servers.inbox;
  }

  get client(): TemporalClient {
    return this.temporal;
  }

  handleOf(workflowId: string, runId: string): WorkflowHandle {
    return this.temporal.workflow.getHandle(workflowId, runId);
  }

  /** Starts a worker, and waits until it serves. */
  static async open(servers: Servers): Promise<Warehouse> {
    mkdirSync(servers.inbox, { recursive: true });
    const worker = spawn(process.execPath, [CLI, 'worker'], {
      cwd: ROOT,
      env: environmentOf(servers),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    worker.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await waitFor(() => said.includes('\n') || worker.exitCode !== null, {
      timeoutMs: READY_TIMEOUT_MS,
      what: 'the worker to be ready',
    });
    if (worker.exitCode !== null) throw new Error(`The worker ended at once: ${said}`);
    const connection = await Connection.connect({ address: servers.temporalAddress });
    return new Warehouse(servers, worker, connection, new TemporalClient({ connection }));
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.worker.once('close', done));
    this.worker.kill('SIGTERM');
    await ended;
    const pipeline = this.temporal.workflow.getHandle(pipelineWorkflowId(this.servers.warehouse));
    await pipeline.terminate().catch(() => undefined);
    await this.connection.close();
  }

  /** One file into bronze, visible; by a request. */
  async ingest(dataset: DatasetName, folder: string, force = false): Promise<IngestResult> {
    const file = resolve(folder, `${dataset}.csv`);
    return (await this.temporal.workflow.execute(WORKFLOW.ingest, {
      taskQueue: this.servers.warehouse,
      workflowId: `bench/${this.servers.warehouse}/${++this.#loads}`,
      args: [{ dataset, file, force, transform: false }],
    })) as IngestResult;
  }

  /** A run of the models, from the request to its result. */
  async transform(
    transform: Partial<TransformInput> = {},
    batchIds: string[] = [],
  ): Promise<TransformResult> {
    const request: RunRequest = { transform: { command: 'run', ...transform }, batchIds };
    const pipeline = new WithStartWorkflowOperation(WORKFLOW.pipeline, {
      workflowId: pipelineWorkflowId(this.servers.warehouse),
      taskQueue: this.servers.warehouse,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const { workflowId, firstExecutionRunId } = await this.temporal.workflow.executeUpdateWithStart<
      never,
      StartedRun,
      [RunRequest]
    >(UPDATE.requestRun, { args: [request], startWorkflowOperation: pipeline as never });
    const handle = this.temporal.workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
    return (await handle.result()) as TransformResult;
  }

  /** Loads a folder's files at once, then runs the models; from the first request to the run's result. */
  async batchByRequest(folder: string, force = false): Promise<Timed> {
    const startedAt = performance.now();
    const loads = await Promise.all(DATASETS.map((dataset) => this.ingest(dataset, folder, force)));
    const load = secondsSince(startedAt);
    const { results } = await this.transform(
      {},
      loads.map((l) => l.batchId),
    );
    const models = Object.fromEntries(results.map((r) => [r.name, r.durationMs / 1000]));
    return { seconds: secondsSince(startedAt), steps: { load, ...models } };
  }

  /** Loads a folder's files, and runs the models for the first time; the time of the latter. */
  async firstBuild(folder: string): Promise<Timed> {
    const { seconds, steps } = await this.batchByRequest(folder);
    return { seconds: seconds - (steps.load ?? 0), steps };
  }

  /** A batch by one command, `strata inbox`; its process's start is part of the time. */
  async batchByCommand(folder: string): Promise<Timed> {
    for (const dataset of DATASETS) {
      const arriving = join(this.servers.inbox, `.${dataset}.part`);
      copyFileSync(join(folder, `${dataset}.csv`), arriving);
      renameSync(arriving, join(this.servers.inbox, `${dataset}.csv`));
    }
    return this.command(['inbox']);
  }

  /** Starts a command that stays. */
  startCommand(words: readonly string[]): { readonly stop: () => Promise<void> } {
    const command = spawn(process.execPath, [CLI, ...words], {
      cwd: ROOT,
      env: environmentOf(this.servers),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = new Promise<void>((done) => command.once('close', () => done()));
    return {
      stop: () => {
        command.kill('SIGTERM');
        return ended;
      },
    };
  }

  /** A command as a process, which joins the running worker; with the models of another project, if one is given. */
  async command(words: readonly string[], projectDir = this.servers.projectDir): Promise<Timed> {
    const startedAt = performance.now();
    const env = environmentOf({ ...this.servers, projectDir });
    await run(process.execPath, [CLI, ...words], { cwd: ROOT, env });
    return { seconds: secondsSince(startedAt), steps: {} };
  }
}

const environmentOf = (servers: Servers): Record<string, string | undefined> => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  DATABASE_URL: servers.databaseUrl,
  TEMPORAL_ADDRESS: servers.temporalAddress,
  STRATA_INBOX: servers.inbox,
  STRATA_INBOX_SETTLE: '0s',
  STRATA_LOG_LEVEL: 'error',
  ...(servers.projectDir === undefined ? {} : { STRATA_PROJECT_DIR: servers.projectDir }),
});

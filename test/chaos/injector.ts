import { setTimeout as sleep } from 'node:timers/promises';
import type { CuttableProxy } from '../support/cuttable-proxy';
import { ask, HARNESS, withSession } from './ask';
import type { ArmedFault, FaultFiles, Hit } from './fault-files';
import { type ActivityFault, type Fault, isActivityFault, type TimedFault } from './faults';
import type { InputFile } from './input-files';
import { waitFor } from '../support/wait-for';
import { halfVisible } from './half-visible';
import { FREEZE_MS, SERVER_GIVES_UP_MS, TIMEOUTS_MS } from './limits';
import type { Pipeline } from './pipeline';
import type { ChaosStack } from './stack';
import type { Workers } from './workers';

const POLL_MS = 10;

const ACTIONS: Readonly<Record<ActivityFault['kind'], ArmedFault['action']>> = {
  'worker-killed': 'kill',
  'worker-frozen': 'freeze',
  'half-open': 'hold',
  'backend-terminated': 'hold',
  'backend-killed': 'hold',
  'postgres-killed': 'hold',
  'temporal-killed': 'hold',
  'copy-cut': 'hold',
};

/** What a model or a load waits for while locks run into their time-outs. */
const LOCKS = [
  'ops.batch',
  'ops.load',
  'ops.model_progress',
  'strata_bronze.transactions',
  'gold.dim_customer',
];

export interface InjectorDeps {
  readonly stack: ChaosStack;
  readonly workers: Workers;
  readonly files: FaultFiles;
  readonly pipeline: Pipeline;
  /** Between the workers and PostgreSQL. */
  readonly proxy: CuttableProxy;
}

/** Makes the faults of one round, and knows which of them were met. */
export class Injector {
  private readonly waiting = new Map<string, Fault & ActivityFault>();
  private readonly actions: Promise<void>[] = [];
  private readonly watching: Promise<void>;
  private isOver = false;
  private breaks: (error: unknown) => void = () => undefined;
  /** Rejects when the harness itself can't go on, because a server doesn't start again, say. */
  readonly broken = new Promise<never>((_, reject) => (this.breaks = reject));
  /** Where each fault that was met was met. */
  readonly met = new Map<string, string>();
  /** What a reader saw at once after a fault and must never see. */
  readonly seen: string[] = [];

  constructor(
    private readonly deps: InjectorDeps,
    faults: readonly Fault[],
    private readonly input: readonly InputFile[],
  ) {
    this.broken.catch(() => undefined);
    for (const fault of faults) {
      if (isActivityFault(fault)) this.arm(fault);
      else this.begin(this.makeTimed(fault));
    }
    this.watching = this.watch();
  }

  /** Waits for what is under way: timed faults, frozen workers, servers that start again. */
  async settled(): Promise<void> {
    await Promise.all(this.actions);
  }

  /** Takes back what no activity has met. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.watching;
    for (const id of this.waiting.keys()) this.deps.files.disarm(id);
    await this.settled();
  }

  private begin(action: Promise<void>): void {
    action.catch(this.breaks);
    this.actions.push(action);
  }

  private arm(fault: Fault & ActivityFault): void {
    this.waiting.set(fault.id, fault);
    const { id, activity, point, moment, kind } = fault;
    this.deps.files.arm({ id, activity, point, moment, action: ACTIONS[kind] });
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      for (const hit of this.deps.files.hits()) {
        const fault = this.waiting.get(hit.id);
        if (!fault) continue;
        this.waiting.delete(hit.id);
        this.deps.files.disarm(hit.id);
        this.begin(this.act(fault, hit));
      }
      await sleep(POLL_MS);
    }
  }

  private async act(fault: Fault & ActivityFault, hit: Hit): Promise<void> {
    try {
      if (await this.strike(fault, hit))
        this.met.set(fault.id, `${hit.workflowId} ${hit.statement ?? ''}`.trim());
    } finally {
      this.deps.files.letGo(fault.id);
    }
    await this.look();
  }

  /** Whether the fault was one: what it was to strike was there. */
  private async strike({ kind, id }: Fault & ActivityFault, hit: Hit): Promise<boolean> {
    const { stack, workers, files } = this.deps;
    const go = (): void => files.letGo(id);
    switch (kind) {
      case 'worker-killed':
        return true;
      case 'worker-frozen':
        await sleep(FREEZE_MS);
        return workers.signal(hit.workerPid, 'SIGCONT');
      case 'half-open':
        return this.strand(go);
      case 'backend-terminated':
        return this.terminate('pid = $1', [hit.backendPid ?? (await this.anyBackend())]);
      case 'backend-killed':
        return stack.killBackend(hit.backendPid ?? (await this.anyBackend()));
      case 'copy-cut':
        return this.terminate(`pid = $1 and state = 'active' and query ilike 'copy %'`, [hit.backendPid]);
      case 'postgres-killed':
        await stack.killPostgres(go);
        return true;
      case 'temporal-killed':
        await stack.killTemporal(go);
        return true;
    }
  }

  /** What the workers have open to PostgreSQL stays open and carries nothing; after a while the server gives it up. */
  private async strand(go: () => void): Promise<boolean> {
    const count = this.deps.proxy.strand();
    go();
    await sleep(SERVER_GIVES_UP_MS);
    this.deps.proxy.forget();
    return count > 0;
  }

  private async terminate(condition: string, values: readonly unknown[]): Promise<boolean> {
    const rows = await ask(
      this.deps.stack.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and application_name <> '${HARNESS}' and ${condition}`,
      values,
    ).catch(() => []);
    return rows.length > 0;
  }

  private async anyBackend(): Promise<number> {
    const [row] = await ask<{ pid: number }>(
      this.deps.stack.databaseUrl,
      `select pid from pg_stat_activity
      where backend_type = 'client backend' and application_name like 'strata%' order by state, random() limit 1`,
    );
    return row?.pid ?? 0;
  }

  /** What holds at every moment is looked at while the fault's consequences are under way. */
  private async look(): Promise<void> {
    this.seen.push(...(await halfVisible(this.deps.stack.databaseUrl)));
  }

  private async makeTimed(fault: Fault & TimedFault): Promise<void> {
    await sleep(fault.afterMs);
    const how = await this.make(fault);
    if (how !== undefined) this.met.set(fault.id, how);
    await this.look();
  }

  private async make({ kind, variant }: TimedFault): Promise<string | undefined> {
    const { workers } = this.deps;
    switch (kind) {
      case 'worker-killed-at-random': {
        const pid = workers.pids[variant % Math.max(1, workers.pids.length)];
        return pid !== undefined && workers.signal(pid, 'SIGKILL') ? `process ${pid}` : undefined;
      }
      case 'statement-timeout':
        return this.runIntoTimeouts('statement_timeout', `${2 + (variant % 20)}ms`, () => sleep(TIMEOUTS_MS));
      case 'lock-timeout':
        return this.runIntoTimeouts('lock_timeout', '50ms', () =>
          this.holdLock(LOCKS[variant % LOCKS.length] ?? ''),
        );
      case 'started-twice':
        return this.startAgain(variant);
    }
  }

  /** Sets a time-out for all sessions of the workers, for a while. Met when the server says that one was hit. */
  private async runIntoTimeouts(
    setting: 'statement_timeout' | 'lock_timeout',
    value: string,
    meanwhile: () => Promise<unknown>,
  ): Promise<string | undefined> {
    const { stack } = this.deps;
    const logged = stack.logSize();
    // A pooled session keeps what was set when it began.
    const set = (change: string): Promise<unknown> =>
      this.insist(`alter database strata ${change}`).then(() => this.terminate('true', []));
    await set(`set ${setting} = '${value}'`);
    await meanwhile();
    await set(`reset ${setting}`);
    const what = setting === 'lock_timeout' ? 'due to lock timeout' : 'due to statement timeout';
    const count = stack.logSince(logged).split(what).length - 1;
    return count > 0 ? `${count} statements` : undefined;
  }

  private async insist(statement: string): Promise<void> {
    for (;;) {
      try {
        await ask(this.deps.stack.databaseUrl, statement);
        return;
      } catch {
        await sleep(50);
      }
    }
  }

  private async holdLock(relation: string): Promise<void> {
    await withSession(this.deps.stack.databaseUrl, async (client) => {
      await client.query('begin');
      await client.query(`lock table ${relation} in access exclusive mode`);
      await sleep(TIMEOUTS_MS);
    }).catch(() => undefined);
  }

  /** Of one file: the same start again, another start beside it, or the same message to the coordinator again. */
  private async startAgain(variant: number): Promise<string | undefined> {
    const { pipeline } = this.deps;
    const isStarted = (): InputFile[] => this.input.filter((f) => pipeline.startedFor.has(f.path));
    // The moment may be before the first start of the round.
    await waitFor(() => isStarted().length > 0, { what: 'a first load of the round' });
    const started = isStarted();
    const file = started[variant % started.length] as InputFile;
    const [workflowId] = pipeline.startedFor.get(file.path) as [string];
    if (variant % 3 === 0) await pipeline.ingest(file, workflowId);
    else if (variant % 3 === 1) await pipeline.ingest(file, `${workflowId}/again`);
    else await pipeline.redeliver({ batchId: String(1 + (variant % 5)), dataset: file.dataset });
    return ['the same id', 'another id', 'the signal'][variant % 3];
  }
}

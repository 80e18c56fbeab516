import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CHECKOUT = resolve(__dirname, '..', '..');
const SCRIPT = join(__dirname, 'worker.ts');
/** Between the end of a worker and its next start: a worker that can't reach its servers ends at once. */
const RESTART_DELAY_MS = 300;

/** The init system: worker processes that are started again whenever they end. */
export class Workers {
  private readonly running = new Map<number, ChildProcess>();
  private isStopping = false;
  starts = 0;

  constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly logPath: string,
  ) {}

  start(count: number): void {
    for (let i = 0; i < count; i++) this.startOne();
  }

  get pids(): number[] {
    return [...this.running.keys()];
  }

  isRunning(pid: number): boolean {
    return this.running.has(pid);
  }

  signal(pid: number, signal: NodeJS.Signals): boolean {
    return this.running.get(pid)?.kill(signal) ?? false;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    const ends = [...this.running.values()].map(
      (child) => new Promise((done) => (child.once('exit', done), child.kill('SIGKILL'))),
    );
    await Promise.all(ends);
  }

  private startOne(): void {
    if (this.isStopping) return;
    const log = openSync(this.logPath, 'a');
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(STRATA_|TEMPORAL_|DATABASE_URL$|JEST_|NODE_OPTIONS$)/.test(name),
    );
    const jiti = join(CHECKOUT, 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs');
    const child = spawn(process.execPath, [jiti, SCRIPT], {
      cwd: CHECKOUT,
      env: { ...Object.fromEntries(inherited), ...this.env },
      stdio: ['ignore', log, log],
    });
    const { pid } = child;
    if (pid === undefined) throw new Error('A worker could not be started');
    this.starts += 1;
    this.running.set(pid, child);
    child.once('exit', () => {
      this.running.delete(pid);
      void sleep(RESTART_DELAY_MS).then(() => this.startOne());
    });
  }
}

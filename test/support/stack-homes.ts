import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { joinStack, type JoinOptions, type StackMember } from '../../src/stack';
import { identify, waitForEnd } from '../../src/stack/process-identity';

const checkout = resolve(__dirname, '..', '..');

/** Stacks in homes of their own: what a test leaves running is stopped, what it leaves lying is removed. */
export class StackHomes {
  readonly #homes: string[] = [];
  readonly #members: StackMember[] = [];
  readonly lines: string[] = [];

  make(): string {
    const home = mkdtempSync(join(tmpdir(), 'strata-stack-'));
    this.#homes.push(home);
    return home;
  }

  /** What a test joins with unless it says otherwise: free ports, the programs that the test run has. */
  options(home: string, options: Partial<JoinOptions> = {}): JoinOptions {
    return {
      home,
      binaryCache: join(checkout, '.strata', 'bin'),
      needs: { postgres: true, temporal: false },
      role: 'test',
      ports: { postgres: 0, temporal: 0, temporalUi: 0 },
      postgresSettings: { fsync: 'off' },
      log: (line) => this.lines.push(line),
      ...options,
    };
  }

  async join(home: string, options: Partial<JoinOptions> = {}): Promise<StackMember> {
    const member = await joinStack(this.options(home, options));
    this.#members.push(member);
    return member;
  }

  async clear(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.release();
    for (const home of this.#homes.splice(0)) rmSync(home, { recursive: true, force: true });
    this.lines.length = 0;
  }
}

/** The rows of one query. */
export const queryRows = async (
  url: string | undefined,
  text: string,
): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

/** Kills without a warning and waits until the process is gone. */
export const killByForce = async (pid: number | undefined): Promise<void> => {
  const identity = pid === undefined ? undefined : identify(pid);
  if (!identity) throw new Error(`There is no process ${pid}`);
  process.kill(identity.pid, 'SIGKILL');
  if (!(await waitForEnd(identity, 5_000))) throw new Error(`Process ${identity.pid} does not end`);
};

export interface OtherProcess {
  readonly pid: number;
  /** The next line that it prints. */
  readonly line: () => Promise<string>;
  readonly exit: Promise<number | null>;
}

/** Another process that runs a script with `stack` (src/stack), `options` and `print`; it ends with the script. */
export const runWithStack = (script: string, options: JoinOptions): OtherProcess => {
  const { log: _log, ...rest } = options;
  const program = `
    const stack = require('jiti').createJiti(${JSON.stringify(join(checkout, 'package.json'))})('./src/stack/index.ts');
    const print = (line) => process.stdout.write(line + '\\n');
    const options = { ...${JSON.stringify(rest)}, log: () => {} };
    (async () => { ${script} })().catch((error) => { print(String(error)); process.exitCode = 1; });
  `;
  const child = spawn(process.execPath, ['-e', program], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid as number,
    line: async () => {
      const { value, done } = await lines.next();
      return done === true ? '' : value;
    },
    exit: new Promise((settle) => child.once('close', settle)),
  };
};

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { testTemporalAddress } from '../support/database';

const ROOT = resolve(__dirname, '..', '..');
/** Another build can be tested, e.g. an installed one. */
const OTHER_CLI = process.env.STRATA_TEST_CLI;
const CLI = OTHER_CLI ?? join(ROOT, 'dist', 'cli.js');
const COMMAND_TIMEOUT_MS = 120_000;

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

const newestSource = (dir: string): number =>
  Math.max(
    ...readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

const isCurrent = (): boolean => existsSync(CLI) && statSync(CLI).mtimeMs >= newestSource(join(ROOT, 'src'));

/** These tests run what `npm ci` built; a build that is older than its sources would test yesterday's code. */
export const requireBuild = (): void => {
  if (OTHER_CLI === undefined && !isCurrent())
    throw new Error('dist/ is missing or older than src/: run `npm run build` first');
};

/** The environment of a command: none of strata's own variables but those given. */
const environment = (env: Env): NodeJS.ProcessEnv => {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(STRATA_|TEMPORAL_|DATABASE_URL$|FORCE_COLOR$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env };
};

const start = (args: readonly string[], env: Env): ChildProcess =>
  spawn(process.execPath, [CLI, ...args], {
    cwd: ROOT,
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const collect = (child: ChildProcess): { stdout: string; stderr: string } => {
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (text.stdout += part));
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (text.stderr += part));
  return text;
};

/** Runs the built command line to its end. */
export const strata = (args: readonly string[], env: Env = {}): Promise<CommandResult> =>
  new Promise((done, reject) => {
    const child = start(args, env);
    const text = collect(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_TIMEOUT_MS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      done({ code, ...text });
    });
  });

export interface RunningCommand {
  /** Resolves once stdout has the text; rejects when the command ends before. */
  readonly prints: (text: string) => Promise<void>;
  readonly signal: (name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') => void;
  /** What it has printed on stdout so far. */
  readonly stdout: () => string;
  /** Sends SIGTERM and waits for the end. */
  readonly stop: () => Promise<CommandResult>;
}

/** Starts a command that stays. */
export const startStrata = (args: readonly string[], env: Env = {}): RunningCommand => {
  const child = start(args, env);
  const text = collect(child);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  return {
    prints: (expected) =>
      new Promise((done, reject) => {
        const look = (): void => {
          if (text.stdout.includes(expected)) done();
        };
        child.stdout?.on('data', look);
        look();
        void ended.then(() => {
          reject(new Error(`ended before it printed "${expected}": ${text.stdout}${text.stderr}`));
        });
      }),
    signal: (name) => void child.kill(name),
    stdout: () => text.stdout,
    stop: async () => {
      child.kill('SIGTERM');
      return { code: await ended, ...text };
    },
  };
};

/** Points a command at a test database and the Temporal server of the test run. */
export const serversOf = (databaseUrl: string): Env => ({
  DATABASE_URL: databaseUrl,
  TEMPORAL_ADDRESS: testTemporalAddress(),
});

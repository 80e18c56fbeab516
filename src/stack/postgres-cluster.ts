import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StrataError } from '../domain/errors';
import type { PostgresRuntime } from './postgres-account';
import { runProgram } from './run-program';
import { tellingLine } from './server-process';

export const POSTGRES_USER = 'strata';
export const POSTGRES_DATABASE = 'strata';
const MAJOR_VERSION = '18';
const INITDB_TIMEOUT_MS = 120_000;

/**
 * How a cluster is made: code point order and Unicode's case rules, by PostgreSQL itself. Texts, keys above all, are then
 * compared by their bytes, and not by the system's library, which is slower and does not know this locale everywhere.
 */
export const NEW_CLUSTER = [
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
] as const;

/** Reads the password of this home, or makes one. `fresh` tells which. Callers hold the stack's lock. */
export const homePassword = (path: string): { password: string; fresh: boolean } => {
  const known = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (known !== '') return { password: known, fresh: false };
  const password = randomBytes(24).toString('base64url');
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  return { password, fresh: true };
};

export interface ClusterOptions {
  readonly runtime: PostgresRuntime;
  readonly secret: { readonly password: string; readonly fresh: boolean };
  readonly logPath: string;
  readonly log: (line: string) => void;
  /** `unsafe` saves the time of writing through to the disk, for data that nobody will miss. */
  readonly durability: 'safe' | 'unsafe';
}

const run = async (
  { runtime, logPath }: ClusterOptions,
  program: 'initdb' | 'postgres',
  args: readonly string[],
  input = '',
): Promise<{ ok: boolean; output: string }> => {
  const { file, args: all, cwd, uid, gid } = runtime.command(program, args);
  const result = await runProgram(file, all, {
    timeoutMs: INITDB_TIMEOUT_MS,
    input,
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && gid !== undefined && { uid, gid }),
  });
  appendFileSync(logPath, `${result.output}\n`, { mode: 0o600 });
  return result;
};

/** Runs a statement in a cluster that no server runs on. */
const runAlone = async (options: ClusterOptions, dataDir: string, statement: string): Promise<void> => {
  const fsync = options.durability === 'safe' ? 'on' : 'off';
  const settings = ['-c', 'log_checkpoints=off', '-c', `fsync=${fsync}`];
  const args = ['--single', '-D', dataDir, ...settings, 'postgres'];
  const { ok, output } = await run(options, 'postgres', args, `${statement}\n`);
  if (!ok || /\b(ERROR|FATAL):/.test(output))
    throw new StrataError(
      'STACK_FAILED',
      `PostgreSQL could not be set up: ${tellingLine(output)} (log ${options.logPath})`,
    );
};

const initialize = async (options: ClusterOptions, dataDir: string): Promise<void> => {
  const { runtime, secret, logPath, durability } = options;
  const passwordFile = join(runtime.dataRoot, 'initdb-password');
  writeFileSync(passwordFile, `${secret.password}\n`, { mode: 0o600 });
  if (runtime.account) chownSync(passwordFile, runtime.account.uid, runtime.account.gid);
  const account = ['-U', POSTGRES_USER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const how = ['--no-instructions', ...(durability === 'unsafe' ? ['--no-sync'] : [])];
  // What an earlier attempt has left.
  rmSync(dataDir, { recursive: true, force: true });
  try {
    const { ok, output } = await run(options, 'initdb', ['-D', dataDir, ...account, ...NEW_CLUSTER, ...how]);
    if (!ok) throw new StrataError('STACK_FAILED', `initdb failed: ${tellingLine(output)} (log ${logPath})`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
};

const checkVersion = (dataDir: string): void => {
  const version = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  if (version !== MAJOR_VERSION)
    throw new StrataError(
      'STACK_FAILED',
      `${dataDir} was made by PostgreSQL ${version}, this is ${MAJOR_VERSION}; move it away, or set DATABASE_URL`,
    );
};

/**
 * The data folder with the database `strata`, made beside its place and moved there when complete. Idempotent.
 * Callers hold the stack's lock, and no server runs on the data. @throws STACK_FAILED
 */
export const ensureCluster = async (options: ClusterOptions): Promise<string> => {
  const { runtime, secret, log } = options;
  const dataDir = join(runtime.dataRoot, 'data');
  if (existsSync(dataDir)) {
    checkVersion(dataDir);
    // The file was lost, not the data.
    if (secret.fresh)
      await runAlone(options, dataDir, `alter role ${POSTGRES_USER} password '${secret.password}'`);
    return dataDir;
  }
  log('making a new PostgreSQL database');
  const fresh = `${dataDir}.new`;
  await initialize(options, fresh);
  await runAlone(options, fresh, `create database ${POSTGRES_DATABASE}`);
  renameSync(fresh, dataDir);
  return dataDir;
};

import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { StrataError } from '../domain/errors';
import { withFileLock } from './file-lock';
import { runProgram } from './run-program';
import { tellingLine } from './server-process';
import { DOWNLOAD_WAYS, downloadFirst, type DownloadWay } from './temporal-downloads';

const CHECK_TIMEOUT_MS = 15_000;
const DOWNLOAD_PREFIX = 'download-';
const MAX_PROBLEM_LENGTH = 200;
/** The first whose server starts a workflow and updates it in one step without being configured to. */
const OLDEST: readonly [number, number] = [1, 4];

export interface BinaryOptions {
  /** Folder of the cache. */
  readonly bin: string;
  readonly explicit?: string | undefined;
  readonly log: (line: string) => void;
  /** Gives a download up. */
  readonly signal?: AbortSignal | undefined;
  readonly ways?: readonly DownloadWay[];
  /** The name that is looked up on PATH. */
  readonly program?: string;
}

/** The version that `temporal --version` names. */
export const parseTemporalVersion = (output: string): readonly [number, number] | undefined => {
  const match = /temporal version v?(\d+)\.(\d+)\./.exec(output);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
};

export const isRecentEnough = ([major, minor]: readonly [number, number]): boolean =>
  major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);

const clip = (text: string): string =>
  text.length > MAX_PROBLEM_LENGTH ? `${text.slice(0, MAX_PROBLEM_LENGTH)}…` : text;

/** Undefined when it can be used, else why not. */
const problemWith = async (path: string): Promise<string | undefined> => {
  const result = await runProgram(path, ['--version'], { timeoutMs: CHECK_TIMEOUT_MS });
  if (!result.found) return 'it does not exist';
  if (!result.ok) return tellingLine(result.output) || 'it does not run';
  const version = parseTemporalVersion(result.output);
  if (!version) return `it does not say its version (${tellingLine(result.output)})`;
  return isRecentEnough(version) ? undefined : `it is ${version.join('.')}, older than ${OLDEST.join('.')}`;
};

const explicitBinary = async (path: string): Promise<string> => {
  const problem = await problemWith(resolve(path));
  if (problem === undefined) return resolve(path);
  throw new StrataError('STACK_FAILED', `The temporal binary ${path} cannot be used: ${problem}`);
};

const onPath = async (program: string, tried: string[]): Promise<string | undefined> => {
  const args = ['-c', 'command -v "$1"', 'sh', program];
  const { stdout } = await runProgram('/bin/sh', args, { timeoutMs: CHECK_TIMEOUT_MS });
  const path = stdout.trim();
  if (!isAbsolute(path)) {
    tried.push(`${program} on PATH: there is none`);
    return undefined;
  }
  const problem = await problemWith(path);
  if (problem === undefined) return path;
  tried.push(`${path}: ${problem}`);
  return undefined;
};

/** Only a program that ran gets into the cache, in one step: what is there can be used. */
const cached = (path: string): string | undefined =>
  existsSync(path) && (statSync(path).mode & 0o100) !== 0 ? path : undefined;

const intoCache =
  (target: string, log: (line: string) => void) =>
  async (path: string, way: string): Promise<string> => {
    const problem = await problemWith(path);
    if (problem !== undefined) throw new Error(problem);
    log(`temporal: got by ${way}, kept as ${target}`);
    renameSync(path, target);
    return target;
  };

/** What a download that was killed left behind; the caller is the only one that downloads. */
const removeLeftovers = (bin: string): void => {
  for (const name of readdirSync(bin))
    if (name.startsWith(DOWNLOAD_PREFIX)) rmSync(join(bin, name), { recursive: true, force: true });
};

const download = async (
  options: BinaryOptions,
  target: string,
  tried: readonly string[],
): Promise<string> => {
  const { bin, log, signal, ways = DOWNLOAD_WAYS } = options;
  removeLeftovers(bin);
  log(
    `temporal: not on PATH and not in ${bin}; trying ${ways.map(({ name }) => name).join(' and ')} at once`,
  );
  const dir = mkdtempSync(join(bin, DOWNLOAD_PREFIX));
  const result = await downloadFirst(ways, dir, intoCache(target, log), signal);
  signal?.throwIfAborted();
  if ('used' in result) return result.used;
  const all = [...tried, ...result.problems].map(clip).join('; ');
  throw new StrataError('STACK_FAILED', `No temporal binary (set STRATA_TEMPORAL_BIN): ${all}`);
};

/**
 * The `temporal` program: the path given; else `temporal` on PATH; else the cache; else downloaded into the cache.
 * Several processes may resolve at once: one downloads. @throws STACK_FAILED with all that was tried.
 */
export const findTemporalBinary = async (options: BinaryOptions): Promise<string> => {
  const { bin, explicit, log, signal } = options;
  if (explicit !== undefined) return explicitBinary(explicit);
  const target = join(bin, 'temporal');
  const tried: string[] = [];
  const found = (await onPath(options.program ?? 'temporal', tried)) ?? cached(target);
  if (found !== undefined) return found;
  tried.push(`${target}: not there yet`);
  return withFileLock(
    join(bin, 'download.lock'),
    async () => cached(target) ?? (await download(options, target, tried)),
    { log, signal, holderDoes: 'downloads temporal' },
  );
};

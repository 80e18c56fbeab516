import { spawn } from 'node:child_process';

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly input?: string;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Ends the program before its time. */
  readonly signal?: AbortSignal;
}

export interface ProgramResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** Everything it said, and where it did not end by itself the reason. */
  readonly output: string;
  /** Whether there was such a program at all. */
  readonly found: boolean;
}

/**
 * Runs a program to its end and never throws. It gets a process group of its own, so that whatever it started ends
 * with it when the time is over.
 */
export const runProgram = (
  file: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> =>
  new Promise((resolve) => {
    const { timeoutMs, input, signal, ...where } = options;
    const child = spawn(file, args, { ...where, detached: true, stdio: 'pipe' });
    let stdout = '';
    let output = '';
    let reason = '';
    const end = (why: string) => {
      reason = why;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const abort = () => end('no longer needed');
    const timer = setTimeout(() => end(`no end within ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    const settle = (ok: boolean, found: boolean) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      resolve({ ok, found, stdout, output: [output.trim(), reason].filter(Boolean).join('\n') });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
      output += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.on('error', (error) => {
      reason = error.message;
      settle(false, (error as NodeJS.ErrnoException).code !== 'ENOENT');
    });
    child.on('close', (code) => settle(code === 0 && reason === '', true));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    if (signal?.aborted) abort();
  });

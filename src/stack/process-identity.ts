import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One process, told apart from a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

export interface ProcessCommand {
  readonly pid: number;
  /** The words of the command line; where the platform gives only text, that text in one word. */
  readonly argv: readonly string[];
}

const POLL_MS = 10;
const hasProcFs = process.platform === 'linux';

const readOptional = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** The process name in /proc/PID/stat may hold spaces and brackets: what counts comes after the last one. */
export const parseProcStat = (stat: string): { state: string; startTicks: string } | undefined => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state !== undefined && startTicks !== undefined ? { state, startTicks } : undefined;
};

const startTimeFromProc = (pid: number): string | undefined => {
  const stat = parseProcStat(readOptional(`/proc/${pid}/stat`) ?? '');
  // A zombie has ended; only its parent has not looked yet.
  if (!stat || stat.state === 'Z' || stat.state === 'X') return undefined;
  const bootId = readOptional('/proc/sys/kernel/random/boot_id')?.trim().slice(0, 8) ?? '';
  return `${bootId}/${stat.startTicks}`;
};

/** `ps` of macOS and the BSDs; in one locale and zone, whoever asks. */
const ps = (args: readonly string[]): string =>
  spawnSync('env', ['LC_ALL=C', 'TZ=UTC0', 'ps', ...args], { encoding: 'utf8' }).stdout ?? '';

const startTimeFromPs = (pid: number): string | undefined => {
  const [state, ...started] = ps(['-o', 'state=,lstart=', '-p', String(pid)])
    .trim()
    .split(/\s+/);
  return !state || state.startsWith('Z') || started.length === 0 ? undefined : started.join(' ');
};

/** The identity of the living process with this pid; undefined when there is none. */
export const identify = (pid: number): ProcessIdentity | undefined => {
  const startTime = hasProcFs ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === undefined ? undefined : { pid, startTime };
};

export const identifySelf = (): ProcessIdentity => {
  const self = identify(process.pid);
  if (!self) throw new Error('This process cannot read its own start time');
  return self;
};

export const isAlive = (identity: ProcessIdentity): boolean =>
  identify(identity.pid)?.startTime === identity.startTime;

/** All processes that may be seen, with their command lines. */
export const listProcesses = (): ProcessCommand[] => {
  if (hasProcFs)
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const commandLine = readOptional(`/proc/${name}/cmdline`);
        return commandLine ? [{ pid: Number(name), argv: commandLine.replace(/\0+$/, '').split('\0') }] : [];
      });
  return ps(['-axww', '-o', 'pid=,command='])
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(.*)$/.exec(line);
      return match ? [{ pid: Number(match[1]), argv: [match[2] ?? ''] }] : [];
    });
};

/** Waits until the process has ended; false when it still lives after the time. */
export const waitForEnd = async (identity: ProcessIdentity, timeoutMs: number): Promise<boolean> => {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
};

export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly waitMs: number;
}

/** Asks by each signal in turn until the process has ended. Never signals another one that has got its pid. */
export const stopProcess = async (
  identity: ProcessIdentity,
  steps: readonly StopStep[],
): Promise<boolean> => {
  for (const { signal, waitMs } of steps) {
    if (!isAlive(identity)) return true;
    try {
      process.kill(identity.pid, signal);
    } catch {
      // It ended between the look and the signal, or may not be signalled: the wait tells which.
    }
    if (await waitForEnd(identity, waitMs)) return true;
  }
  return !isAlive(identity);
};

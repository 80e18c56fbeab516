import { spawn } from 'node:child_process';
import {
  identify,
  identifySelf,
  isAlive,
  listProcesses,
  parseProcStat,
  stopProcess,
} from '../../../src/stack/process-identity';

const sleeper = async (script = 'setInterval(() => {}, 1000)') => {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('up')`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const identity = identify(child.pid as number);
  if (!identity) throw new Error('the child does not run');
  return { child, identity };
};

describe('the identity of a process', () => {
  test('is the same every time it is asked for', () => {
    expect(identifySelf()).toEqual(identify(process.pid));
    expect(isAlive(identifySelf())).toBe(true);
  });

  test('is not that of another with the same pid', () => {
    expect(isAlive({ ...identifySelf(), startTime: 'earlier' })).toBe(false);
  });

  test('ends with the process', async () => {
    const { child, identity } = await sleeper();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(isAlive(identity)).toBe(false);
    expect(identify(identity.pid)).toBeUndefined();
  });

  test('is read from /proc whatever the program calls itself', () => {
    const tail = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 98765 20';
    expect(parseProcStat(`12 (a) b) (c d) S ${tail}`)).toEqual({ state: 'S', startTicks: '98765' });
    expect(parseProcStat('')).toBeUndefined();
  });

  test('processes are listed with the words of their command lines', () => {
    const self = listProcesses().find(({ pid }) => pid === process.pid);
    expect(self?.argv.join(' ')).toMatch(/node|jest/);
  });
});

describe('stopProcess', () => {
  test('stops with the first signal that is heeded', async () => {
    const { child, identity } = await sleeper();
    const signal = new Promise((resolve) => child.once('exit', (_code, by) => resolve(by)));
    expect(await stopProcess(identity, [{ signal: 'SIGTERM', waitMs: 5_000 }])).toBe(true);
    expect(await signal).toBe('SIGTERM');
  });

  test('goes on to the next signal when one is ignored', async () => {
    const { child, identity } = await sleeper('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)');
    const signal = new Promise((resolve) => child.once('exit', (_code, by) => resolve(by)));
    const steps = [
      { signal: 'SIGTERM', waitMs: 50 },
      { signal: 'SIGKILL', waitMs: 5_000 },
    ] as const;
    expect(await stopProcess(identity, steps)).toBe(true);
    expect(await signal).toBe('SIGKILL');
  });

  test('never signals a stranger that has the pid now', async () => {
    const { child, identity } = await sleeper();
    const former = { ...identity, startTime: 'earlier' };
    expect(await stopProcess(former, [{ signal: 'SIGKILL', waitMs: 100 }])).toBe(true);
    expect(isAlive(identity)).toBe(true);
    child.kill('SIGKILL');
  });
});

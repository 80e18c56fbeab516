import { spawn } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withFileLock } from '../../../src/stack/file-lock';
import { identify, identifySelf } from '../../../src/stack/process-identity';

describe('withFileLock', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'strata-lock-'));
    path = join(dir, 'lock');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const hold = (holder: { pid: number; startTime: string }) =>
    symlinkSync(JSON.stringify({ ...holder, nonce: '0123456789' }), path);

  test('lets one at a time work, gives the result and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
      return 7;
    };
    const results = await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, work)));
    expect(results).toEqual(Array(8).fill(7));
    expect(most).toBe(1);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('is free again after work that failed', async () => {
    await expect(withFileLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withFileLock(path, () => Promise.resolve(1))).resolves.toBe(1);
  });

  test('takes over the lock of a process that died, by one of many only', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const identity = identify(child.pid as number);
    if (!identity) throw new Error('the child does not run');
    hold(identity);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await sleep(2);
      inside--;
    };
    await Promise.all(Array.from({ length: 6 }, () => withFileLock(path, work)));
    expect(readdirSync(dir)).toEqual([]);
  });

  test('takes over the lock of a process whose pid another has now', async () => {
    hold({ pid: process.pid, startTime: 'long ago' });
    await expect(withFileLock(path, () => Promise.resolve(1))).resolves.toBe(1);
  });

  test('never takes the lock of a living process: it waits, then says who holds it', async () => {
    hold(identifySelf());
    await expect(withFileLock(path, () => Promise.resolve(1), { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'STACK_FAILED',
      message: `${path} is held by process ${process.pid}`,
    });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });
});

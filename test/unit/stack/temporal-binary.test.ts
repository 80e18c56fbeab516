import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTemporalBinary, isRecentEnough, parseTemporalVersion } from '../../../src/stack/temporal-binary';
import type { DownloadWay } from '../../../src/stack/temporal-downloads';

const PROGRAM = '#!/bin/sh\necho "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"\n';

describe('findTemporalBinary', () => {
  let dir: string;
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'strata-bin-'));
    mkdirSync(join(dir, 'bin'));
    lines.length = 0;
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const write = (path: string, text = PROGRAM): string => {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  };
  const works = (name: string, text = PROGRAM): DownloadWay => ({
    name,
    download: (own) => Promise.resolve({ path: write(join(own, 'temporal-cli'), text) }),
  });
  const fails = (name: string, problem: string): DownloadWay => ({
    name,
    download: () => Promise.resolve({ problem }),
  });
  /** Never ends but when it is told to. */
  const hangs = (name: string): DownloadWay => ({
    name,
    download: (_own, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ problem: 'no longer needed' }), { once: true }),
      ),
  });
  const find = (ways: readonly DownloadWay[], more: { explicit?: string; program?: string } = {}) =>
    findTemporalBinary({ bin: join(dir, 'bin'), log, ways, program: 'strata-no-such-program', ...more });

  test('the path given is used before anything else', async () => {
    const explicit = write(join(dir, 'mine'));
    write(join(dir, 'bin', 'temporal'));
    expect(await find([], { explicit })).toBe(explicit);
  });

  test('a path given that cannot be used is an error, not a reason to look elsewhere', async () => {
    write(join(dir, 'bin', 'temporal'));
    await expect(find([], { explicit: join(dir, 'absent') })).rejects.toMatchObject({
      code: 'STACK_FAILED',
      message: `The temporal binary ${join(dir, 'absent')} cannot be used: it does not exist`,
    });
  });

  test('the cache is used without a download', async () => {
    const cached = write(join(dir, 'bin', 'temporal'));
    expect(await find([fails('a', 'must not be asked')])).toBe(cached);
    expect(lines).toEqual([]);
  });

  test('the first download that works gets into the cache; one that hangs costs nothing', async () => {
    const target = join(dir, 'bin', 'temporal');
    expect(await find([hangs('a'), works('b'), fails('c', 'refused')])).toBe(target);
    expect(readFileSync(target, 'utf8')).toBe(PROGRAM);
    expect(readdirSync(join(dir, 'bin'))).toEqual(['temporal']);
    expect(lines.at(-1)).toBe(`temporal: got by b, kept as ${target}`);
  });

  test('what does not run or is too old never gets into the cache', async () => {
    const old = '#!/bin/sh\necho "temporal version 1.3.9 (Server 1.27.1)"\n';
    const broken = '#!/bin/sh\necho "Error: wrong machine" >&2; exit 1\n';
    await expect(find([works('a', old), works('b', broken)])).rejects.toMatchObject({ code: 'STACK_FAILED' });
    expect(readdirSync(join(dir, 'bin'))).toEqual([]);
  });

  test('when nothing works the error names all that was tried', async () => {
    await expect(find([fails('a', 'refused'), fails('b', 'there is no pip')])).rejects.toMatchObject({
      code: 'STACK_FAILED',
      message: expect.stringMatching(
        /strata-no-such-program on PATH: there is none; .*bin\/temporal: not there yet; a: refused; b: there is no pip$/,
      ),
    });
  });

  test('several at once all get the same program', async () => {
    const found = await Promise.all([find([works('a')]), find([works('a')]), find([works('a')])]);
    expect(new Set(found)).toEqual(new Set([join(dir, 'bin', 'temporal')]));
    expect(readdirSync(join(dir, 'bin'))).toEqual(['temporal']);
  });
});

describe('the version of temporal', () => {
  test('is read from what it prints', () => {
    expect(parseTemporalVersion('temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)')).toEqual([1, 9]);
    expect(parseTemporalVersion('tctl version 1.18')).toBeUndefined();
  });

  test.each([
    [[1, 3], false],
    [[1, 4], true],
    [[1, 10], true],
    [[2, 0], true],
    [[0, 13], false],
  ] as const)('%j is recent enough: %p', (version, answer) => {
    expect(isRecentEnough(version)).toBe(answer);
  });
});

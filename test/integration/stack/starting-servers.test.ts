import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTE } from '../../../src/wire/names';
import { stackStatus } from '../../../src/stack';
import { choosePort } from '../../../src/stack/ports';
import { stopProcess } from '../../../src/stack/process-identity';
import { runProgram } from '../../../src/stack/run-program';
import { startServer } from '../../../src/stack/server-process';
import { waitFor } from '../../support/wait-for';
import { queryRows, StackHomes } from '../../support/stack-homes';

const both = { needs: { postgres: true, temporal: true } } as const;

const occupy = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer().listen(port, '127.0.0.1', () => resolve(server));
  });

describe('starting the embedded servers', () => {
  const homes = new StackHomes();
  afterEach(() => homes.clear());

  test('the preferred ports are used when they are free and others when they are taken', async () => {
    const ports = {
      postgres: await choosePort([]),
      temporal: await choosePort([]),
      temporalUi: await choosePort([]),
    };
    const first = await homes.join(homes.make(), { ...both, ports });
    expect(new URL(first.databaseUrl ?? '').port).toBe(String(ports.postgres));
    expect(first.temporalAddress).toBe(`127.0.0.1:${ports.temporal}`);
    expect(first.temporalUiUrl).toBe(`http://127.0.0.1:${ports.temporalUi}`);
    await first.release();

    const squatters = await Promise.all(Object.values(ports).map(occupy));
    try {
      const second = await homes.join(homes.make(), { ...both, ports });
      expect(new URL(second.databaseUrl ?? '').port).not.toBe(String(ports.postgres));
      expect(second.temporalAddress).not.toBe(`127.0.0.1:${ports.temporal}`);
      expect(second.temporalUiUrl).not.toBe(`http://127.0.0.1:${ports.temporalUi}`);
    } finally {
      for (const squatter of squatters) squatter.close();
    }
  });

  test('a home with a long and odd name works', async () => {
    const home = join(homes.make(), 'a'.repeat(150), `b ?#%41&'"${'c'.repeat(100)}`, '.strata');
    const member = await homes.join(home, both);
    expect(await queryRows(member.databaseUrl, 'select 1 as up')).toEqual([{ up: 1 }]);
  });

  test('what an interrupted making of the database has left is cleared away', async () => {
    const home = homes.make();
    const left = join(home, 'postgres', 'data.new', 'base');
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'x'), 'half');
    const { databaseUrl } = await homes.join(home, { postgresSettings: {} });
    expect(await queryRows(databaseUrl, 'select 1 as up')).toEqual([{ up: 1 }]);
    expect(existsSync(join(home, 'postgres', 'data.new'))).toBe(false);
  });

  test("Temporal's log is written ahead", async () => {
    const home = homes.make();
    await homes.join(home, { needs: { postgres: false, temporal: true } });
    expect(existsSync(join(home, 'temporal', 'temporal.db-wal'))).toBe(true);
  });

  test('a database keeps nothing of the environment: UTF-8, UTC, durable, for its owner only', async () => {
    const home = homes.make();
    const { databaseUrl } = await homes.join(home, { postgresSettings: {} });
    const [row] = await queryRows(
      databaseUrl,
      `select current_setting('server_encoding') as encoding, current_setting('timezone') as zone,
        current_setting('fsync') as fsync, current_setting('listen_addresses') as listens,
        current_setting('password_encryption') as passwords, current_database() as database,
        (select concat(datlocprovider, ' ', datlocale) from pg_database where datname = current_database()) as locale`,
    );
    expect(row).toEqual({
      encoding: 'UTF8',
      locale: 'b C.UTF-8',
      zone: 'UTC',
      fsync: 'on',
      listens: '127.0.0.1',
      passwords: 'scram-sha-256',
      database: 'strata',
    });
    expect(statSync(join(home, 'password')).mode & 0o777).toBe(0o600);
    const wrong = new URL(databaseUrl ?? '');
    wrong.password = 'wrong';
    await expect(queryRows(wrong.toString(), 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('a search attribute that the database lacks is registered', async () => {
    const home = homes.make();
    const probe = await homes.join(home, { needs: { postgres: false, temporal: true } });
    await probe.release();
    const older = homes.make();
    mkdirSync(join(older, 'temporal'));
    const [port, uiPort] = [await choosePort([]), await choosePort([])];
    const words = ['server', 'start-dev', '--db-filename', 'temporal.db', '--ip', '127.0.0.1'];
    const server = await startServer(
      {
        file: probe.temporalBinary ?? '',
        args: [...words, '--port', String(port), '--ui-port', String(uiPort)],
        cwd: join(older, 'temporal'),
      },
      join(older, 'log'),
    );
    await waitFor(async () => {
      const args = ['operator', 'cluster', 'health', '--address', `127.0.0.1:${port}`];
      return (await runProgram(probe.temporalBinary ?? '', args, { timeoutMs: 5_000 })).ok;
    });
    if (server) await stopProcess(server, [{ signal: 'SIGKILL', waitMs: 5_000 }]);

    const member = await homes.join(older, { needs: { postgres: false, temporal: true } });
    const list = ['operator', 'search-attribute', 'list', '--address', member.temporalAddress ?? ''];
    const { stdout } = await runProgram(member.temporalBinary ?? '', list, { timeoutMs: 10_000 });
    for (const name of Object.values(SEARCH_ATTRIBUTE)) expect(stdout).toContain(name);
  });

  test('a failed start leaves nothing running and no lease, and says which log to read', async () => {
    const home = homes.make();
    const broken = join(home, 'broken-temporal');
    const script =
      '#!/bin/sh\ncase "$1" in --version) echo "temporal version 1.9.1 (Server 1)";; *) echo "Error: broken disk" >&2; exit 1;; esac\n';
    writeFileSync(broken, script, { mode: 0o755 });
    await expect(homes.join(home, { ...both, temporalBinary: broken })).rejects.toMatchObject({
      code: 'STACK_FAILED',
      message: expect.stringMatching(/Temporal did not start: Error: broken disk \(log .*temporal\.log\)/),
    });
    expect(await stackStatus(home)).toEqual({ leases: [] });
  });

  test('a start given up leaves nothing running', async () => {
    const home = homes.make();
    const reason = new Error('interrupted');
    const signal = AbortSignal.abort(reason);
    await expect(homes.join(home, { signal })).rejects.toBe(reason);
    expect(await stackStatus(home)).toEqual({ leases: [] });
  });

  test('fresh servers are empty, unless somebody else uses them', async () => {
    const home = homes.make();
    const first = await homes.join(home);
    await queryRows(first.databaseUrl, 'create table kept as select 1 as answer');
    const found = "select to_regclass('kept') is not null as found";
    const second = await homes.join(home, { data: 'fresh' });
    expect(await queryRows(second.databaseUrl, found)).toEqual([{ found: true }]);
    await Promise.all([first.release(), second.release()]);
    const third = await homes.join(home, { data: 'fresh' });
    expect(await queryRows(third.databaseUrl, found)).toEqual([{ found: false }]);
  });
});

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stackStatus } from '../../../src/stack';
import { livingLeases } from '../../../src/stack/leases';
import { runProgram } from '../../../src/stack/run-program';
import { killByForce, queryRows, runWithStack, StackHomes } from '../../support/stack-homes';

const both = { needs: { postgres: true, temporal: true } } as const;

describe('the embedded servers survive what befalls them', () => {
  const homes = new StackHomes();
  afterEach(() => homes.clear());

  test('killed servers start again at the next join, on the same ports and with their data', async () => {
    const home = homes.make();
    const first = await homes.join(home, both);
    await queryRows(first.databaseUrl, 'create table kept as select 42 as answer');
    const start = ['workflow', 'start', '--type', 'x', '--task-queue', 'none', '--workflow-id', 'kept'];
    const temporal = (words: readonly string[]) =>
      runProgram(first.temporalBinary ?? '', [...words, '--address', first.temporalAddress ?? ''], {
        timeoutMs: 10_000,
      });
    expect(await temporal(start)).toMatchObject({ ok: true });
    const before = await stackStatus(home);
    await Promise.all([killByForce(before.postgresPid), killByForce(before.temporalPid)]);
    expect(await stackStatus(home)).toMatchObject({ leases: [{ role: 'test' }] });

    const second = await homes.join(home, both);
    expect(second.databaseUrl).toBe(first.databaseUrl);
    expect(second.temporalAddress).toBe(first.temporalAddress);
    expect(second.temporalUiUrl).toBe(first.temporalUiUrl);
    expect(await queryRows(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(await temporal(['workflow', 'describe', '--workflow-id', 'kept'])).toMatchObject({ ok: true });
    expect(await first.ensureRunning()).toMatchObject({ databaseUrl: first.databaseUrl });
  });

  test('a member notices that a server was killed and starts it, whoever has its old pid by now', async () => {
    const home = homes.make();
    const member = await homes.join(home);
    const { postgresPid } = await stackStatus(home);
    await killByForce(postgresPid);
    const pidFile = join(home, 'postgres', 'data', 'postmaster.pid');
    const stale = readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid));
    writeFileSync(pidFile, stale);

    expect(await member.ensureRunning()).toEqual({ databaseUrl: member.databaseUrl });
    expect((await stackStatus(home)).postgresPid).not.toBe(postgresPid);
    expect(await queryRows(member.databaseUrl, 'select 1 as up')).toEqual([{ up: 1 }]);
    await member.release();
    await expect(member.ensureRunning()).rejects.toMatchObject({ code: 'STACK_FAILED' });
  });

  test('the lease of a killed process is swept and does not keep the servers', async () => {
    const home = homes.make();
    const script = 'const member = await stack.joinStack(options); print("in"); setInterval(() => {}, 1000);';
    const other = runWithStack(script, homes.options(home, { role: 'worker' }));
    expect(await other.line()).toBe('in');
    await killByForce(other.pid);
    await other.exit;

    const left = await stackStatus(home);
    expect(left.leases).toEqual([]);
    const member = await homes.join(home);
    expect((await stackStatus(home)).postgresPid).toBe(left.postgresPid);
    expect(livingLeases(join(home, 'leases'))).toHaveLength(1);
    await member.release();
    expect(await stackStatus(home)).toEqual({ leases: [] });
  });

  test('servers that stack.json does not know of are found and replaced', async () => {
    const home = homes.make();
    const first = await homes.join(home, both);
    await queryRows(first.databaseUrl, 'create table kept as select 1 as answer');
    const before = await stackStatus(home);
    rmSync(join(home, 'stack.json'));
    const second = await homes.join(home, both);
    expect(await queryRows(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 1 }]);
    const after = await stackStatus(home);
    expect(after.postgresPid).not.toBe(before.postgresPid);
    expect(after.temporalPid).not.toBe(before.temporalPid);
    expect(() => process.kill(before.temporalPid ?? 0, 0)).toThrow();
  });

  test.each(['running', 'stopped'])(
    'a lost password of a %s server is replaced and the data are kept',
    async (state) => {
      const home = homes.make();
      const first = await homes.join(home);
      await queryRows(first.databaseUrl, 'create table kept as select 1 as answer');
      if (state === 'stopped') await first.release();
      rmSync(join(home, 'password'));
      const second = await homes.join(home);
      expect(new URL(second.databaseUrl ?? '').password).not.toBe(new URL(first.databaseUrl ?? '').password);
      expect(await queryRows(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 1 }]);
    },
  );
});

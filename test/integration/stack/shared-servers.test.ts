import { stackStatus } from '../../../src/stack';
import { queryRows, runWithStack, StackHomes } from '../../support/stack-homes';

const both = { needs: { postgres: true, temporal: true } } as const;

describe('the embedded servers are shared', () => {
  const homes = new StackHomes();
  afterEach(() => homes.clear());

  test('two members have the same servers, and the last to leave stops them', async () => {
    const home = homes.make();
    const first = await homes.join(home, { ...both, role: 'dev' });
    const second = await homes.join(home, { ...both, role: 'ingest' });
    expect(second.databaseUrl).toBe(first.databaseUrl);
    expect(second.temporalAddress).toBe(first.temporalAddress);
    expect((await stackStatus(home)).leases.map(({ role }) => role).sort()).toEqual(['dev', 'ingest']);

    await first.release();
    await first.release();
    expect(await queryRows(second.databaseUrl, 'select current_user::text as who')).toEqual([
      { who: 'strata' },
    ]);

    await second.release();
    expect(await stackStatus(home)).toEqual({ leases: [] });
    await expect(queryRows(second.databaseUrl, 'select 1')).rejects.toThrow();
  });

  test('a member starts only what it needs, and a later one the rest', async () => {
    const home = homes.make();
    const first = await homes.join(home);
    expect(first.temporalAddress).toBeUndefined();
    expect((await stackStatus(home)).temporalPid).toBeUndefined();
    const second = await homes.join(home, { needs: { postgres: false, temporal: true } });
    expect(second.databaseUrl).toBeUndefined();
    expect(second.temporalAddress).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('an announced worker is seen by the others as long as its process holds the lease', async () => {
    const home = homes.make();
    const none = { needs: { postgres: false, temporal: false } } as const;
    const dev = await homes.join(home, { ...none, role: 'dev' });
    const ingest = await homes.join(home, { ...none, role: 'ingest' });
    const worker = { warehouse: 'strata', database: 'd1', temporal: '127.0.0.1:7233/default' };
    await dev.announceWorker(worker);
    expect(await ingest.livingWorkers(['dev', 'worker'])).toEqual([worker]);
    expect(await ingest.livingWorkers(['worker'])).toEqual([]);
    await dev.release();
    expect(await ingest.livingWorkers(['dev', 'worker'])).toEqual([]);
  });

  test('processes that come and go at once never meet a stopped server', async () => {
    const home = homes.make();
    const script = `
      const { Client } = require('pg');
      for (let i = 0; i < 4; i++) {
        const member = await stack.joinStack(options);
        const client = new Client({ connectionString: member.databaseUrl });
        await client.connect();
        await client.query('select pg_sleep(0.02)');
        await client.end();
        await member.release();
      }
      print('done');
    `;
    const processes = [1, 2, 3].map(() => runWithStack(script, homes.options(home)));
    const said = await Promise.all(processes.map(({ line }) => line()));
    expect(said).toEqual(['done', 'done', 'done']);
    expect(await Promise.all(processes.map(({ exit }) => exit))).toEqual([0, 0, 0]);
    expect(await stackStatus(home)).toEqual({ leases: [] });
  });

  test('two homes do not disturb each other', async () => {
    const [one, other] = [await homes.join(homes.make()), await homes.join(homes.make())];
    expect(one.databaseUrl).not.toBe(other.databaseUrl);
    await one.release();
    expect(await queryRows(other.databaseUrl, 'select 1 as up')).toEqual([{ up: 1 }]);
  });
});

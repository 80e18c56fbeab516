import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { resolveTemporalBinary, stackStatus } from '../../src/stack';
import { waitFor } from '../support/wait-for';
import { type Env, requireBuild, startStrata, strata } from './strata';

const LONG_MS = 120_000;
const home = mkdtempSync(join(tmpdir(), 'strata-home-'));
const file = join(home, 'c.csv');
let env: Env;

const serversRunning = async (): Promise<readonly number[]> => {
  const { postgresPid, temporalPid } = await stackStatus(home);
  return [postgresPid, temporalPid].filter((pid) => pid !== undefined);
};

const ingest = (email: string) => {
  writeFileSync(
    file,
    `customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at\nC1,Ann,${email},starter,basic,,2024-01-01,2024-01-01\n`,
  );
  return strata(['ingest', 'customers', file, '--json'], env);
};

beforeAll(async () => {
  requireBuild();
  const shared = resolve(__dirname, '..', '..', '.strata');
  env = {
    STRATA_HOME: home,
    STRATA_TEMPORAL_BIN: await resolveTemporalBinary({ home: shared, log: () => undefined }),
  };
}, LONG_MS);

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

describe('the embedded stack', () => {
  test(
    'a command alone starts what it needs and leaves nothing running',
    async () => {
      const { code, stdout, stderr } = await ingest('a@x.io');
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({
        files: [{ outcome: 'published' }],
        run: { state: 'success' },
      });
      expect(await serversRunning()).toEqual([]);
    },
    LONG_MS,
  );

  test(
    'an interrupted command leaves nothing running',
    async () => {
      const running = startStrata(['run'], env);
      await waitFor(async () => (await serversRunning()).length === 2, { timeoutMs: 60_000 });
      expect((await running.stop()).code).toBe(130);
      expect(await serversRunning()).toEqual([]);
    },
    LONG_MS,
  );

  test(
    'dev serves other commands, starts killed servers again, and stops cleanly',
    async () => {
      const dev = startStrata(['dev'], env);
      try {
        await dev.prints('Ready.');
        expect((await ingest('b@x.io')).code).toBe(0);
        const listed = await strata(['temporal', 'workflow', 'list'], env);
        expect(listed.stdout).toContain('ingest');

        const { temporalPid } = await stackStatus(home);
        process.kill(temporalPid ?? 0, 'SIGKILL');
        await waitFor(
          async () => {
            const now = (await stackStatus(home)).temporalPid;
            return now !== undefined && now !== temporalPid;
          },
          { timeoutMs: 30_000, what: 'a new Temporal server' },
        );
        expect((await ingest('c@x.io')).code).toBe(0);
      } finally {
        const { code, stdout } = await dev.stop();
        expect({ code, stdout }).toMatchObject({ code: 0 });
        expect(stdout).toMatch(/PostgreSQL +postgresql:.*\nTemporal +\S+:\d+.*\nWeb UI +http:/);
      }
      expect(await serversRunning()).toEqual([]);
    },
    LONG_MS,
  );
});

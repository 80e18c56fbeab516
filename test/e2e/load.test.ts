import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBurst, runSoak, type SoakReport } from '../soak/soak';
import type { Servers } from '../soak/system-under-load';
import { createTestDatabase, type TestDatabase, testTemporalAddress } from '../support/database';
import { requireBuild } from './strata';

const SOAK_MINUTES = 2;
const BURST_FILES = 200;

let database: TestDatabase;
let folder: string;
let servers: Servers;

beforeAll(requireBuild);
beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'strata-load-'));
  servers = {
    databaseUrl: database.url,
    temporalAddress: testTemporalAddress(),
    warehouse: database.name,
  };
});
afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

const expectHealthy = ({ problems, actual, expected }: SoakReport): void => {
  expect(problems).toEqual([]);
  expect(actual).toEqual(expected);
};

test(
  'a file a second: all of it is right, and neither memory nor connections nor histories nor feeds grow',
  async () => {
    const report = await runSoak({ servers, folder, minutes: SOAK_MINUTES, log: () => undefined });
    expectHealthy(report);
    expect(report.files).toBeGreaterThan(SOAK_MINUTES * 30);
  },
  SOAK_MINUTES * 60_000 + 300_000,
);

// On one worker: `npm run soak -- --burst 200`.
test('200 files at the same moment on four workers: all loaded right, memory and connections bounded', async () => {
  expectHealthy(await runBurst({ servers, folder, files: BURST_FILES, workers: 4 }));
}, 300_000);

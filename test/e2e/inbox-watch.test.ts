import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata } from './strata';

// A file that is taken by the look that its arrival brings about, and one that this look finds too young.
describe.each(['0s', '1s'])('strata inbox --watch, of files that have to rest for %s', (settle) => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-watch-'));
  const inbox = join(folder, 'in');
  let database: TestDatabase;
  let worker: RunningCommand;
  let watching: RunningCommand;

  /** A file that is renamed into the inbox when it is complete. */
  const put = (name: string): void => {
    const rows = `transaction_id,customer_id,transaction_date,amount,transaction_type,status
${name},C1,2024-01-05,29.00,subscription,completed
`;
    writeFileSync(join(folder, name), rows);
    renameSync(join(folder, name), join(inbox, name));
  };

  beforeAll(async () => {
    requireBuild();
    mkdirSync(inbox);
    database = await createTestDatabase();
    const env: Env = { ...serversOf(database.url), STRATA_INBOX: inbox, STRATA_INBOX_SETTLE: settle };
    worker = startStrata(['worker'], env);
    await worker.prints('worker for warehouse');
    put('transactions-1.csv');
    // So long between two looks that what comes by time alone would come after the test.
    watching = startStrata(['inbox', '--watch', '--interval', '3600'], env);
  });

  afterAll(async () => {
    await watching.stop();
    await worker.stop();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  test('takes what was there, and then each file as it comes', async () => {
    for (const name of ['transactions-1.csv', 'transactions-2.csv', 'transactions-3.csv']) {
      if (name !== 'transactions-1.csv') put(name);
      await watching.prints(`${name}: published`);
    }
  });
});

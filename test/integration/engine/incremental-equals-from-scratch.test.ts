import fc from 'fast-check';
import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileEcho, TestWarehouse } from '../../support/test-warehouse';
import { emptyWarehouse } from '../../support/empty-warehouse';
import { type History, historyArbitrary } from '../../support/histories';
import { type Accepted, type Loaded, referenceTables } from '../../support/reference';

jest.setTimeout(600_000);

/** The long soak is `STRATA_PROPERTY_RUNS=2000 npx jest incremental-equals`. */
const RUNS = Number(process.env.STRATA_PROPERTY_RUNS ?? 60);

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  warehouse = await TestWarehouse.open(pool, await compileEcho());
});

afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

/** Plays a history; returns what was accepted and is visible at its end. */
const play = async ({ steps }: History): Promise<Accepted> => {
  const visible: Record<keyof Accepted, Loaded<object>[]> = {
    customers: [],
    transactions: [],
    marketing_spend: [],
  };
  const pending: { dataset: keyof Accepted; loadId: string; rows: Loaded<object>[] }[] = [];
  let batchId = 0;
  const publishNext = async (): Promise<void> => {
    const next = pending.shift();
    if (!next) return;
    await warehouse.publish(next.dataset, next.loadId);
    visible[next.dataset].push(...next.rows);
  };
  for (const step of steps) {
    if (step.kind === 'run') await warehouse.run(step.transform);
    else if (step.kind === 'publish') await publishNext();
    else {
      batchId += 1;
      const rows = step.rows.map((row, i) => ({ ...row, batchId, rowNumber: i + 1 }));
      const loadId = await warehouse.load(step.dataset, batchId, rows);
      // A late load is accepted now and becomes visible after others.
      if (step.late) pending.push({ dataset: step.dataset, loadId, rows });
      else {
        pending.unshift({ dataset: step.dataset, loadId, rows });
        await publishNext();
      }
    }
  }
  while (pending.length > 0) await publishNext();
  return visible as unknown as Accepted;
};

test('however the input is cut, ordered and interleaved with runs, the tables equal a computation from scratch', async () => {
  await fc.assert(
    fc.asyncProperty(historyArbitrary, async (history) => {
      await emptyWarehouse(pool);
      const accepted = await play(history);
      await warehouse.run();
      const expected = referenceTables(accepted);
      expect(await warehouse.tables()).toEqual(expected);
      await warehouse.run({ fullRefresh: true });
      expect(await warehouse.tables()).toEqual(expected);
    }),
    { numRuns: RUNS, endOnFailure: process.env.CI === 'true' },
  );
});

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../../src/db/pool';
import { createTestDatabase, type TestDatabase } from '../database';
import { emptyWarehouse } from '../empty-warehouse';
import { referenceTables } from '../reference';
import { compileEcho } from '../compile-echo';
import { TestWarehouse } from '../test-warehouse';
import type { History } from './history';
import { historyText } from './history-file';
import { playHistory } from './play-history';

/** The database and this process take turns within a history; three at once keep two cores busy. */
const LANES = 3;
const COUNTEREXAMPLES = resolve(__dirname, '..', '..', '..', '.strata', 'counterexamples');

interface HistoryBench {
  /** Plays one history on an empty warehouse, and compares the tables with the reference. */
  readonly check: (history: History) => Promise<void>;
  readonly close: () => Promise<void>;
}

const checkIn = async (warehouse: TestWarehouse, pool: DatabasePool, history: History): Promise<void> => {
  await emptyWarehouse(pool);
  const accepted = await playHistory(warehouse, history);
  await warehouse.run();
  const expected = referenceTables(accepted);
  expect(await warehouse.tables()).toEqual(expected);
  if (!history.refreshed) return;
  await warehouse.run({ fullRefresh: true });
  expect(await warehouse.tables()).toEqual(expected);
};

const openHistoryBench = async (options: { readonly deletes?: boolean } = {}): Promise<HistoryBench> => {
  const database: TestDatabase = await createTestDatabase({ template: 'migrated' });
  const pool = await createWarehousePool(database.url, { maximumPoolSize: 6 });
  const warehouse = await TestWarehouse.open(pool, await compileEcho(options));
  return {
    check: (history) => checkIn(warehouse, pool, history),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
};

/**
 * Begins to check all these histories, a few at once. Returns what gives the outcome of each; call `close` when all
 * have been asked for.
 */
export const beginChecks = async (
  all: readonly (History & { readonly deletes: boolean })[],
): Promise<{ outcome: (history: History) => Promise<void>; close: () => Promise<void> }> => {
  const outcomes = new Map<History, Promise<void>>();
  const benches: HistoryBench[] = [];
  for (const deletes of [false, true]) {
    const histories = all.filter((history) => history.deletes === deletes);
    for (let lane = 0; lane < LANES; lane += 1) {
      const bench = await openHistoryBench({ deletes });
      benches.push(bench);
      let before: Promise<unknown> = Promise.resolve();
      for (const history of histories.filter((_, i) => i % LANES === lane)) {
        const outcome = before.then(() => bench.check(history));
        before = outcome.catch(() => undefined);
        outcomes.set(history, outcome);
      }
    }
  }
  return {
    outcome: (history) => outcomes.get(history) ?? Promise.reject(new Error('Not among the histories')),
    close: async () => {
      await Promise.allSettled(outcomes.values());
      for (const bench of benches) await bench.close();
    },
  };
};

export interface HistoryCheck {
  /** Names the counterexample's file. */
  readonly name: string;
  readonly histories: fc.Arbitrary<History>;
  readonly deletes?: boolean;
}

const keepCounterexample = (
  { name, deletes = false }: HistoryCheck,
  seed: number,
  history: History,
): string => {
  mkdirSync(COUNTEREXAMPLES, { recursive: true });
  const path = join(COUNTEREXAMPLES, `${name}-${seed}.json`);
  const reason = `seed ${seed} of ${name}: say here what went wrong`;
  writeFileSync(path, historyText({ reason, deletes, ...history }));
  return path;
};

const checkLane = async (input: HistoryCheck, lane: { seed: number; numRuns: number }): Promise<void> => {
  const bench = await openHistoryBench({ deletes: input.deletes ?? false });
  try {
    const details = await fc.check(fc.asyncProperty(input.histories, bench.check), {
      ...lane,
      endOnFailure: process.env.CI === 'true',
    });
    const [history] = details.counterexample ?? [];
    if (!details.failed || !history) return;
    const path = keepCounterexample(input, details.seed, history);
    throw new Error(`The counterexample is in ${path}\n${fc.defaultReportMessage(details) ?? ''}`);
  } finally {
    await bench.close();
  }
};

/**
 * Whether the tables equal the reference after each of these histories. `STRATA_PROPERTY_RUNS` says how many there
 * are, `STRATA_PROPERTY_SEED` where chance begins.
 */
export const checkHistories = async (input: HistoryCheck, runs: number): Promise<void> => {
  const all = Number(process.env.STRATA_PROPERTY_RUNS ?? runs);
  const seed = Number(process.env.STRATA_PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 30));
  const numRuns = Math.ceil(all / LANES);
  await Promise.all(
    Array.from({ length: LANES }, (_, lane) => checkLane(input, { seed: seed + lane, numRuns })),
  );
};

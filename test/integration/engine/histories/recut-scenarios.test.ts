import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { compareTables, readScenario, type Scenario } from '../../../e2e/scenario';
import { cutFiles } from '../../../support/csv-pieces';
import { emptyWarehouse } from '../../../support/empty-warehouse';
import { compileEcho } from '../../../support/compile-echo';
import { TestWarehouse } from '../../../support/test-warehouse';
import { writeTemporary } from '../../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from '../../ingest/warehouse';

jest.setTimeout(300_000);

const RECUTS = 2;
const MOST_STEPS = 80;
const scenarios = readdirSync(resolve(__dirname, '..', '..', '..', 'fixtures', 'scenarios')).sort();

let ingest: IngestWarehouse;
let warehouse: TestWarehouse;

beforeAll(async () => {
  ingest = await startIngestWarehouse();
  warehouse = await TestWarehouse.open(ingest.pool, await compileEcho());
});
afterAll(() => ingest.stop());

/** What chance says, step by step. */
const recut = fc.record({
  cuts: fc.array(fc.nat(2), { minLength: MOST_STEPS, maxLength: MOST_STEPS }),
  turns: fc.array(fc.nat(9), { minLength: MOST_STEPS, maxLength: MOST_STEPS }),
});
type Recut = typeof recut extends fc.Arbitrary<infer T> ? T : never;

/** The files of a scenario by dataset, each once, as it is loaded first. */
const filesOf = ({ steps }: Scenario): Map<string, string[]> => {
  const files = new Map<string, string[]>();
  for (const { args } of steps) {
    const [command, dataset = '', file = ''] = args;
    const known = files.get(dataset) ?? [];
    if (command === 'ingest' && !known.includes(file)) files.set(dataset, [...known, file]);
  }
  return files;
};

/** Loads the pieces by the real steps of an ingest: in the order of their dataset, published in any order, runs between. */
const load = async (scenario: Scenario, { cuts, turns }: Recut): Promise<void> => {
  const queues = [...filesOf(scenario)].map(([dataset, files]) => ({
    dataset,
    pieces: cutFiles(files, (i) => cuts[i % cuts.length] === 0),
  }));
  const waiting: string[] = [];
  const publishOne = async (turn: number): Promise<void> => {
    const [batchId] = waiting.splice(turn % waiting.length, 1);
    if (batchId !== undefined) await ingest.publish(batchId);
  };
  for (let step = 0; queues.some(({ pieces }) => pieces.length > 0); step += 1) {
    const turn = turns[step % turns.length] ?? 0;
    const open = queues.filter(({ pieces }) => pieces.length > 0);
    const { dataset, pieces } = open[turn % open.length] as (typeof queues)[number];
    const piece = pieces.shift();
    const path = writeTemporary('piece.csv', piece?.content ?? '');
    // Two pieces may hold the same rows: without force the second would be known content, and not loaded.
    const batchId = await ingest.accept(dataset, path, true);
    const { rowsRead } = await ingest.load(batchId);
    expect(rowsRead).toBe(piece?.records);
    waiting.push(batchId);
    if (turn < 6) await publishOne(turn);
    if (turn === 9) await warehouse.run();
  }
  while (waiting.length > 0) await publishOne(turns[waiting.length % turns.length] ?? 0);
};

test.each(scenarios)('scenario %s, cut anew into files, gives the same tables', async (name) => {
  const scenario = readScenario(name);
  await fc.assert(
    fc.asyncProperty(recut, async (chances) => {
      await emptyWarehouse(ingest.pool);
      await load(scenario, chances);
      await warehouse.run();
      const { actual, expected } = await compareTables(scenario, ingest.url);
      expect(actual).toEqual(expected);
    }),
    { numRuns: RECUTS, endOnFailure: true },
  );
});

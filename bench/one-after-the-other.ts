/** For bases of which the disk holds one copy only: the floor first, which leaves digests of its tables; then strata. */
import { compareDigests, digestTables } from './compare-tables';
import { baseFolder, batchFolder } from './data';
import { buildFloor, checkpoint, connect, loadFloorBase, runFloorBatch, type Timed } from './floor';
import type { Bench, PartResult } from './parts';
import { figureOf } from './report';

interface Side {
  readonly build: Timed;
  readonly batches: readonly Timed[];
}

const runSide = async (
  { data, folder, log }: Bench,
  name: string,
  side: {
    readonly url: string;
    readonly base: (folder: string) => Promise<Timed>;
    readonly batch: (folder: string, batch: number) => Promise<Timed>;
  },
): Promise<Side> => {
  const build = await side.base(baseFolder(folder));
  log(`${name}: first build ${build.seconds.toFixed(1)} s`);
  const batches: Timed[] = [];
  for (let batch = 1; batch <= data.batches; batch++) {
    await checkpoint(side.url);
    const timed = await side.batch(batchFolder(folder, batch), batch);
    log(`${name}: batch ${batch} ${timed.seconds.toFixed(2)} s`);
    batches.push(timed);
  }
  return { build, batches };
};

const floorSide = (bench: Bench): Promise<Side> =>
  runSide(bench, 'floor', {
    url: bench.floorUrl,
    base: async (folder) => {
      await loadFloorBase(bench.floorUrl, folder);
      await checkpoint(bench.floorUrl);
      return buildFloor(bench.floorUrl);
    },
    batch: (folder, batch) => runFloorBatch(bench.floorUrl, folder, batch),
  });

const strataSide = (bench: Bench): Promise<Side> =>
  runSide(bench, 'strata', {
    url: bench.strataUrl,
    base: (folder) => bench.warehouse.firstBuild(folder),
    batch: (folder) => bench.warehouse.batchByRequest(folder),
  });

const dropFloor = async ({ floorUrl, strataUrl }: Bench): Promise<void> => {
  const client = await connect(strataUrl);
  await client.query(`drop database "${new URL(floorUrl).pathname.slice(1)}" with (force)`);
  await client.query('checkpoint');
  await client.end();
};

/** The first build and the batches of either side; the floor's database is dropped in between. */
export const measureOneAfterTheOther = async (bench: Bench): Promise<PartResult> => {
  const floor = await floorSide(bench);
  const expected = await digestTables(bench.floorUrl);
  await dropFloor(bench);
  const strata = await strataSide(bench);
  const comparison = compareDigests(expected, await digestTables(bench.strataUrl));
  bench.log(`tables after the batches: ${comparison.tablesEqual ? 'equal' : 'DIFFERENT'}`);
  const seconds = (a: Timed, b: Timed | undefined) => ({ strata: a.seconds, floor: b?.seconds ?? null });
  const steps = { strata, floor };
  return {
    figures: [
      figureOf({ part: 'full', name: 'first build', unit: 's', goal: 'at most', target: 1.2 }, [
        seconds(strata.build, floor.build),
      ]),
      figureOf(
        { part: 'incremental', name: 'one batch, by request', unit: 's', goal: 'at most', target: 1.3 },
        strata.batches.map((batch, i) => seconds(batch, floor.batches[i])),
        steps,
      ),
    ],
    comparisons: { 'after the batches': comparison },
  };
};

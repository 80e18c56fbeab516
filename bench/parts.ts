/** The parts of the bench: each measures strata and the floor in turn, and says what it found. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { baseFolder, batchFolder, type DataOptions } from './data';
import { compareTables, type Comparison } from './compare-tables';
import {
  buildFloor,
  checkpoint,
  connect,
  copyFile,
  loadFloorBase,
  runFloorBatch,
  secondsSince,
  type Timed,
} from './floor';
import { type Figure, figureAlone, figureOf } from './report';
import type { Warehouse } from './warehouse';

export interface Bench {
  readonly data: DataOptions;
  readonly folder: string;
  readonly floorUrl: string;
  readonly strataUrl: string;
  readonly warehouse: Warehouse;
  readonly log: (line: string) => void;
}

export interface PartResult {
  readonly figures: readonly Figure[];
  readonly comparisons: Readonly<Record<string, Comparison>>;
  /** The settings of a session that both sides shared. */
  readonly session?: Readonly<Record<string, string>>;
}

const PROJECT = resolve(__dirname, '..', 'sql');
const REPEATS = 5;
const INGEST_REPEATS = 3;

const compare = async ({ floorUrl, strataUrl, log }: Bench, when: string): Promise<Comparison> => {
  const comparison = await compareTables(floorUrl, strataUrl);
  const differing = Object.entries(comparison.tables).filter(([, t]) => t.different > 0);
  log(`tables ${when}: ${comparison.tablesEqual ? 'equal' : `DIFFERENT ${JSON.stringify(differing)}`}`);
  return comparison;
};

/** Raw COPY into a typed, logged, unindexed table with the metadata columns that bronze has. Rows per second. */
const rawCopy = async ({ floorUrl, folder }: Bench): Promise<number> => {
  const client = await connect(floorUrl);
  try {
    await client.query(`
      drop table if exists public.raw;
      create table public.raw (
        transaction_id text not null, customer_id text not null, transaction_date timestamptz not null,
        amount numeric(18, 2) not null, transaction_type text not null, status text not null,
        _load_id bigint not null default 1, _batch_id bigint not null default 1, _row_number bigint not null default 1,
        _extra jsonb
      )`);
    const startedAt = performance.now();
    const rows = await copyFile(client, {
      table: 'raw',
      dataset: 'transactions',
      folder: baseFolder(folder),
    });
    const rate = rows / secondsSince(startedAt);
    await client.query('drop table public.raw');
    return rate;
  } finally {
    await client.end();
  }
};

/** From the request to visible rows, each checked, against COPY of the same file. */
export const measureIngest = async (bench: Bench): Promise<PartResult> => {
  const runs = [];
  for (let i = 0; i < INGEST_REPEATS; i++) {
    await checkpoint(bench.floorUrl);
    const floor = await rawCopy(bench);
    await checkpoint(bench.floorUrl);
    const startedAt = performance.now();
    const { rowsLoaded } = await bench.warehouse.ingest('transactions', baseFolder(bench.folder), true);
    const strata = rowsLoaded / secondsSince(startedAt);
    bench.log(`ingest: ${Math.round(strata)} rows/s, COPY ${Math.round(floor)}`);
    runs.push({ strata, floor });
  }
  const about = {
    part: 'ingest',
    name: 'file to visible rows',
    unit: 'rows/s',
    goal: 'at least',
    target: 0.75,
  } as const;
  return { figures: [figureOf(about, runs)], comparisons: {} };
};

/** Loads the base and builds everything for the first time, on both sides. */
export const buildBase = async (bench: Bench): Promise<PartResult> => {
  const base = baseFolder(bench.folder);
  await loadFloorBase(bench.floorUrl, base);
  await checkpoint(bench.floorUrl);
  const floor = await buildFloor(bench.floorUrl);
  await checkpoint(bench.floorUrl);
  const strata = await bench.warehouse.firstBuild(base);
  bench.log(`first build: ${strata.seconds.toFixed(1)} s, floor ${floor.seconds.toFixed(1)} s`);
  const steps = { strata: strata.steps, floor: floor.steps };
  const about = { part: 'full', name: 'first build', unit: 's', goal: 'at most', target: 1.2 } as const;
  return {
    figures: [figureOf(about, [{ strata: strata.seconds, floor: floor.seconds }], steps)],
    comparisons: { 'after the base': await compare(bench, 'after the base') },
  };
};

/** Batches, by turns on either side; strata's by request and by command in turn. */
export const measureIncremental = async (bench: Bench): Promise<PartResult> => {
  const runs = { request: [] as Run[], command: [] as Run[] };
  for (let batch = 1; batch <= bench.data.batches; batch++) {
    const folder = resolve(batchFolder(bench.folder, batch));
    const how = batch % 2 === 1 ? 'request' : 'command';
    await checkpoint(bench.floorUrl);
    const floor = await runFloorBatch(bench.floorUrl, folder, batch);
    await checkpoint(bench.floorUrl);
    const strata = await (how === 'request'
      ? bench.warehouse.batchByRequest(folder)
      : bench.warehouse.batchByCommand(folder));
    runs[how].push({ strata: strata.seconds, floor: floor.seconds, steps: { strata, floor } });
    bench.log(
      `batch ${batch} by ${how}: ${strata.seconds.toFixed(2)} s, floor ${floor.seconds.toFixed(2)} s`,
    );
  }
  const figures = (['request', 'command'] as const)
    .filter((how) => runs[how].length > 0)
    .map((how) =>
      figureOf(
        { part: 'incremental', name: `one batch, by ${how}`, unit: 's', goal: 'at most', target: 1.3 },
        runs[how].map(({ strata, floor }) => ({ strata, floor })),
        runs[how].map((r) => r.steps),
      ),
    );
  return { figures, comparisons: { 'after the batches': await compare(bench, 'after the batches') } };
};

interface Run {
  readonly strata: number;
  readonly floor: number;
  readonly steps: unknown;
}

/** A run that finds nothing new. */
export const measureNothing = async (bench: Bench): Promise<PartResult> => {
  const [request, command] = [[] as number[], [] as number[]];
  await bench.warehouse.transform();
  for (let i = 0; i < REPEATS; i++) {
    const startedAt = performance.now();
    await bench.warehouse.transform();
    request.push(secondsSince(startedAt));
    command.push((await bench.warehouse.command(['run'])).seconds);
  }
  const about = { part: 'nothing', unit: 's', goal: 'at most' } as const;
  return {
    figures: [
      figureAlone({ ...about, name: 'request to finished run', target: 0.5 }, request),
      figureAlone({ ...about, name: 'strata run, process', target: 1 }, command),
    ],
    comparisons: {},
  };
};

const fullRefresh = async ({ warehouse }: Bench): Promise<Timed> => {
  const startedAt = performance.now();
  const { results } = await warehouse.transform({ fullRefresh: true });
  return {
    seconds: secondsSince(startedAt),
    steps: Object.fromEntries(results.map((r) => [r.name, r.durationMs / 1000])),
  };
};

interface Otherwise {
  /** Each amount a cent higher. */
  readonly restated: boolean;
  readonly rebuild: 'in_place' | 'beside';
}

/** Runs a full refresh by the command, with the project's models as they are but for this. */
const refreshOtherwise = async ({ warehouse }: Bench, { restated, rebuild }: Otherwise): Promise<Timed> => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-bench-project-'));
  const edit = (path: string, from: RegExp, to: string): void => {
    const text = readFileSync(join(folder, path), 'utf8');
    if (!from.test(text)) throw new Error(`${path} is not what the bench takes it for`);
    writeFileSync(join(folder, path), text.replace(from, to));
  };
  try {
    cpSync(PROJECT, folder, { recursive: true });
    edit('dbt_project.yml', /^( +)staging:$/m, `$1+rebuild: ${rebuild}\n$&`);
    if (restated)
      edit(
        'models/staging/stg_transactions.sql',
        /^( +)amount,$/m,
        '$1(amount + 0.01)::numeric(18, 2) as amount,',
      );
    return await warehouse.command(['run', '--full-refresh'], folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Everything anew over what stands, where a model said otherwise until now: no row with an amount stays as it is. */
const measureRestated = async (bench: Bench, floor: Timed): Promise<PartResult> => {
  const results: PartResult[] = [];
  for (const rebuild of ['beside', 'in_place'] as const) {
    await refreshOtherwise(bench, { restated: true, rebuild: 'beside' });
    await checkpoint(bench.strataUrl);
    const strata = await refreshOtherwise(bench, { restated: false, rebuild });
    const name = `full refresh, each amount restated, ${rebuild.replace('_', ' ')}`;
    bench.log(`${name}: ${strata.seconds.toFixed(1)} s`);
    const about = { part: 'full', name, unit: 's', goal: 'at most', target: 1.2 } as const;
    const when = `after the ${name}`;
    results.push({
      figures: [figureOf(about, [{ strata: strata.seconds, floor: floor.seconds }])],
      comparisons: { [when]: await compare(bench, when) },
    });
  }
  return {
    figures: results.flatMap((r) => r.figures),
    comparisons: Object.assign({}, ...results.map((r) => r.comparisons)) as PartResult['comparisons'],
  };
};

/** Everything anew over what stands. */
export const measureFull = async (bench: Bench): Promise<PartResult> => {
  await checkpoint(bench.floorUrl);
  const floor = await buildFloor(bench.floorUrl);
  await checkpoint(bench.floorUrl);
  const strata = await fullRefresh(bench);
  bench.log(`full refresh: ${strata.seconds.toFixed(1)} s, floor ${floor.seconds.toFixed(1)} s`);
  const steps = { strata: strata.steps, floor: floor.steps };
  const about = { part: 'full', name: 'full refresh', unit: 's', goal: 'at most', target: 1.2 } as const;
  const comparison = await compare(bench, 'after the full refresh');
  const restated = await measureRestated(bench, floor);
  return {
    figures: [
      figureOf(about, [{ strata: strata.seconds, floor: floor.seconds }], steps),
      ...restated.figures,
    ],
    comparisons: { 'after the full refresh': comparison, ...restated.comparisons },
  };
};

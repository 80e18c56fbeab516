/** npm run bench: strata against hand-tuned SQL on the same server, by turns; ratios are the result (docs/benchmarks.md). */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Comparison } from './compare-tables';
import { type DataOptions, generateData } from './data';
import { connect, createFloor, SESSION_SQL, settingsOf } from './floor';
import { measureOneAfterTheOther } from './one-after-the-other';
import { openStack } from './open-stack';
import {
  type Bench,
  buildBase,
  measureFull,
  measureIncremental,
  measureIngest,
  measureNothing,
  type PartResult,
} from './parts';
import { measureCommands } from './commands';
import { measureLatency } from './latency';
import { measureQueries } from './queries';
import { type Figure, isMet, machineOf, ratioOf, tableOf } from './report';
import { Warehouse } from './warehouse';

const USAGE = `usage: npm run bench -- [options]

  --part LIST     of ingest, incremental, nothing, commands, queries, full, latency, separated by commas (default: all)
  --rows N        transactions of the base (default 2000000)
  --batches N     batches of 100,000 transactions and 1,000 customer changes (default 6)
  --json FILE     every figure, its floor, its ratio, and whether the tables were equal
  --keep FOLDER   keeps the generated data there, and uses what is there already
  --one-after-the-other
                  first build and batches not by turns: the floor first, which is dropped before strata begins; without
                  ingest and full refresh. For bases of which the disk holds one copy: some 50 GB of 50000000, not 90

The servers are the embedded ones, in a folder of their own that is removed in the end.
`;
const PARTS = ['ingest', 'incremental', 'nothing', 'commands', 'queries', 'full', 'latency'] as const;
/** As the floor was tuned on: both sides have the same server. */
const SERVER_SETTINGS = { shared_buffers: '2GB', maintenance_work_mem: '512MB', max_wal_size: '16GB' };
const SHOWN_SETTINGS = [
  ...[
    'server_version',
    'shared_buffers',
    'effective_cache_size',
    'work_mem',
    'maintenance_work_mem',
    'fsync',
  ],
  ...[
    'synchronous_commit',
    'wal_level',
    'max_wal_size',
    'random_page_cost',
    'jit',
    'max_parallel_workers_per_gather',
  ],
];

type Part = (typeof PARTS)[number];
interface Options {
  readonly parts: readonly Part[];
  readonly data: DataOptions;
  readonly json: string | undefined;
  readonly keep: string | undefined;
  readonly oneAfterTheOther: boolean;
}

const readOptions = (argv: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      part: { type: 'string', default: PARTS.join(',') },
      rows: { type: 'string', default: '2000000' },
      batches: { type: 'string', default: '6' },
      json: { type: 'string' },
      keep: { type: 'string' },
      'one-after-the-other': { type: 'boolean', default: false },
    },
  });
  const parts = values.part.split(',').map((name) => PARTS.find((p) => p === name));
  const [rows, batches] = [Number(values.rows), Number(values.batches)];
  if (
    parts.includes(undefined) ||
    !Number.isInteger(rows) ||
    rows < 10_000 ||
    !(batches >= 1 && batches <= 31)
  )
    throw new Error('no such part, or no such number');
  return {
    parts: parts as Part[],
    data: { rows, batches, batchRows: 100_000, customers: 50_000, batchCustomers: 1_000, seed: 42 },
    json: values.json,
    keep: values.keep,
    oneAfterTheOther: values['one-after-the-other'],
  };
};

const log = (line: string): void => void process.stderr.write(`${line}\n`);

const nameDatabase = (databaseUrl: string, name: string): string => {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.toString();
};

const createDatabases = async (
  databaseUrl: string,
  names: readonly string[],
): Promise<Record<string, string>> => {
  const client = await connect(databaseUrl);
  for (const name of names) await client.query(`create database ${name}`);
  const shown = await settingsOf(client, SHOWN_SETTINGS);
  await client.end();
  return shown;
};

const dataFolder = ({ keep, data }: Options, home: string): string => {
  const folder = keep === undefined ? join(home, 'data') : resolve(keep, `${data.rows}-${data.batches}`);
  if (existsSync(join(folder, 'base', 'marketing_spend.csv'))) return folder;
  log(`generating ${data.rows} transactions and ${data.batches} batches`);
  generateData(folder, data);
  return folder;
};

interface Outcome {
  readonly settings: Record<string, string>;
  readonly figures: readonly Figure[];
  readonly comparisons: Readonly<Record<string, Comparison>>;
  readonly session?: PartResult['session'];
}

const measure = async (
  open: (name: string) => Promise<Bench>,
  { parts, oneAfterTheOther }: Options,
): Promise<PartResult> => {
  const bench = await open('warehouse');
  const results: PartResult[] = [];
  if (oneAfterTheOther) {
    results.push(await measureOneAfterTheOther(bench));
  } else {
    if (parts.includes('ingest')) results.push(await measureIngest(await open('ingest')));
    if (parts.some((part) => part !== 'ingest')) {
      const base = await buildBase(bench);
      results.push(parts.includes('full') ? base : { ...base, figures: [] });
    }
    if (parts.includes('incremental')) results.push(await measureIncremental(bench));
  }
  if (parts.includes('nothing')) results.push(await measureNothing(bench));
  if (parts.includes('commands')) results.push(await measureCommands(bench));
  if (parts.includes('queries')) results.push(await measureQueries(bench));
  if (parts.includes('full') && !oneAfterTheOther) results.push(await measureFull(bench));
  // Last: its files are no part of what the floor has.
  if (parts.includes('latency')) results.push(await measureLatency(bench));
  const session = results.find((r) => r.session)?.session;
  return {
    ...(session === undefined ? {} : { session }),
    figures: results.flatMap((r) => r.figures),
    comparisons: Object.assign({}, ...results.map((r) => r.comparisons)) as Record<string, Comparison>,
  };
};

const runBench = async (options: Options, home: string, signal: AbortSignal): Promise<Outcome> => {
  const folder = dataFolder(options, home);
  const stack = await openStack({ home, postgresSettings: SERVER_SETTINGS, log });
  const warehouses: Warehouse[] = [];
  try {
    const databaseUrl = stack.databaseUrl ?? '';
    const settings = await createDatabases(databaseUrl, ['floor', 'warehouse', 'ingest']);
    const floorUrl = nameDatabase(databaseUrl, 'floor');
    await createFloor(floorUrl);
    const open = async (name: string): Promise<Bench> => {
      const strataUrl = nameDatabase(databaseUrl, name);
      const temporalAddress = stack.temporalAddress ?? '';
      const inbox = join(home, `inbox-${name}`);
      const warehouse = await Warehouse.open({
        databaseUrl: strataUrl,
        temporalAddress,
        warehouse: name,
        inbox,
      });
      warehouses.push(warehouse);
      return { data: options.data, folder, floorUrl, strataUrl, warehouse, log };
    };
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
    return { settings, ...(await Promise.race([measure(open, options), aborted])) };
  } finally {
    for (const warehouse of warehouses) await warehouse.close();
    await stack.release();
  }
};

const report = ({ settings, figures, comparisons, session }: Outcome, { data, json }: Options): number => {
  const tablesEqual = Object.values(comparisons).every((c) => c.tablesEqual);
  if (!tablesEqual) {
    log(`The tables differ; no figures.\n${JSON.stringify(comparisons, undefined, 2)}`);
    return 1;
  }
  const machine = machineOf();
  const document = {
    ...{
      machine,
      settings,
      floorSession: SESSION_SQL,
      querySession: session,
      data,
      tablesEqual,
      comparisons,
    },
    figures: figures.map((f) => ({ ...f, ratio: ratioOf(f), met: isMet(f) })),
  };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(document, undefined, 2)}\n`);
  process.stdout.write(`${JSON.stringify(machine)}\n${JSON.stringify(settings)}\n`);
  if (session) process.stdout.write(`the session of the queries: ${JSON.stringify(session)}\n`);
  process.stdout.write(`the floor's session: ${SESSION_SQL.replaceAll('\n', ' ')}\n\n${tableOf(figures)}\n`);
  return 0;
};

export const main = async (argv: readonly string[]): Promise<number> => {
  let options: Options;
  try {
    options = readOptions(argv);
  } catch (error) {
    process.stderr.write(`${String(error)}\n${USAGE}`);
    return 2;
  }
  // What is interrupted ends as what fails does: nothing of it stays.
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupted.abort(new Error(signal)));
  const home = mkdtempSync(join(tmpdir(), 'strata-bench-'));
  try {
    return report(await runBench(options, home, interrupted.signal), options);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

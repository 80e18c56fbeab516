import { setTimeout as sleep } from 'node:timers/promises';
import { type Expected, LoadSource } from './load-source';
import { type Sample, type Servers, SystemUnderLoad } from './system-under-load';

const ROWS_A_FILE = 500;
const SAMPLE_EVERY_FILES = 5;
const CUSTOMERS_EVERY_FILES = 5;

/** What may be at most, whatever the time: bounds by construction, with some room. */
export const LIMITS = {
  rssMb: { soak: 450, burst: 400 },
  /** A worker's pool of 20, and 10 loads with a connection of their own each. */
  connectionsAWorker: 32,
  /** 100 runs of the coordinator, and the signals of some files each. */
  coordinatorEvents: 8_000,
  /** The last third of a soak against the one before; full collections make a saw of it. */
  rssGrowth: 1.3,
  /** Vacuum comes once a minute at most. */
  feedMb: 200,
  /** Vacuum comes at a fifth of a table. */
  deadPercent: 40,
} as const;

export interface SoakReport {
  readonly files: number;
  readonly rows: number;
  readonly seconds: number;
  /** From acceptance to marts, seconds. */
  readonly latency: { readonly median: number; readonly p95: number; readonly max: number };
  readonly samples: readonly Sample[];
  readonly expected: Expected;
  readonly actual: Expected;
  /** Empty: nothing grew, nothing was lost. */
  readonly problems: readonly string[];
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const at = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));

type Check = readonly [what: string, value: number, limit: number];

const over = (checks: readonly Check[]): string[] =>
  checks
    .filter(([, value, limit]) => value > limit)
    .map(([what, value, limit]) => `${what}: ${value} > ${limit}`);

/** The figures that are over what they may be at most, in words. */
const boundProblems = (
  samples: readonly Sample[],
  { workers, kind }: { workers: number; kind: 'soak' | 'burst' },
): string[] => {
  const most = (figure: (sample: Sample) => number): number => Math.max(...samples.map(figure));
  return over([
    ['peak RSS of a worker, MB', most((s) => s.peakRssMb), LIMITS.rssMb[kind]],
    ['connections', most((s) => s.connections), LIMITS.connectionsAWorker * workers],
    ['events of the coordinator', most((s) => s.coordinatorEvents), LIMITS.coordinatorEvents],
    ['change feeds on disk, MB', most((s) => s.feedMb), LIMITS.feedMb],
    ['dead rows of all tables, %', most((s) => s.deadPercent), LIMITS.deadPercent],
    ['rows left in change feeds', samples[samples.length - 1]?.feedRows ?? 0, 0],
  ]);
};

/** What still grows when all is warm. */
const growthProblems = (samples: readonly Sample[]): string[] => {
  const third = Math.floor(samples.length / 3);
  const before = median(samples.slice(third, 2 * third).map((s) => s.rssMb));
  const after = median(samples.slice(2 * third).map((s) => s.rssMb));
  return over([['RSS of the last third, MB', after, Math.ceil(before * LIMITS.rssGrowth)]]);
};

const sameNumbers = (a: Expected, b: Expected): boolean =>
  a.transactions === b.transactions && a.revenue === b.revenue && a.deadLetters === b.deadLetters;

/** Ends a measurement: waits until all is done, looks once more, and judges. */
const conclude = async (
  system: SystemUnderLoad,
  source: LoadSource,
  load: {
    kind: 'soak' | 'burst';
    files: number;
    rows: number;
    samples: Sample[];
    workers: number;
    startedAt: number;
  },
): Promise<SoakReport> => {
  const actual = await system.untilQuiet(load.files);
  const seconds = Math.round((Date.now() - load.startedAt) / 1000);
  load.samples.push(await system.sample());
  const expected = source.expected();
  const latencies = await system.latencies();
  return {
    files: load.files,
    rows: load.rows,
    seconds,
    latency: { median: at(latencies, 0.5), p95: at(latencies, 0.95), max: at(latencies, 1) },
    samples: load.samples,
    expected,
    actual,
    problems: [
      ...boundProblems(load.samples, load),
      ...(await system.retriedNodes()),
      ...(sameNumbers(expected, actual) ? [] : ['the tables are not what was sent']),
    ],
  };
};

export interface SoakOptions {
  readonly servers: Servers;
  /** Where the files are written. */
  readonly folder: string;
  readonly minutes: number;
  /** From one file to the next; default: a second. */
  readonly intervalMs?: number;
  readonly log: (line: string) => void;
}

/** Files at a steady rate for so many minutes, through one worker. */
export const runSoak = async ({
  servers,
  folder,
  minutes,
  intervalMs = 1_000,
  log,
}: SoakOptions): Promise<SoakReport> => {
  const system = await SystemUnderLoad.open(servers, 1);
  try {
    const source = new LoadSource(folder);
    const startedAt = Date.now();
    const samples: Sample[] = [];
    let files = 0;
    let rows = 0;
    for (; Date.now() - startedAt < minutes * 60_000; files++) {
      const file =
        files % CUSTOMERS_EVERY_FILES === 0 ? source.customers(20) : source.transactions(ROWS_A_FILE);
      rows += file.goodRows + file.badRows;
      await system.load(file);
      await system.untilAccepted(files + 1);
      if (files % SAMPLE_EVERY_FILES === SAMPLE_EVERY_FILES - 1) {
        const sample = await system.sample();
        samples.push(sample);
        log(JSON.stringify(sample));
      }
      await sleep(Math.max(0, startedAt + (files + 1) * intervalMs - Date.now()));
    }
    const report = await conclude(system, source, {
      kind: 'soak',
      ...{ files, rows, samples, workers: 1, startedAt },
    });
    return { ...report, problems: [...report.problems, ...growthProblems(samples)] };
  } finally {
    await system.close();
  }
};

export interface BurstOptions {
  readonly servers: Servers;
  readonly folder: string;
  readonly files: number;
  readonly workers: number;
}

/** So many files at the same moment. */
export const runBurst = async ({ servers, folder, files, workers }: BurstOptions): Promise<SoakReport> => {
  const system = await SystemUnderLoad.open(servers, workers);
  try {
    // Which of two files is accepted first is chance: a row that both have could have either value.
    const source = new LoadSource(folder, { corrections: false });
    const sent = Array.from({ length: files }, () => source.transactions(100));
    const startedAt = Date.now();
    await Promise.all(sent.map((file) => system.load(file)));
    const samples: Sample[] = [];
    let isOver = false;
    const sampling = (async () => {
      for (; !isOver; await sleep(500)) samples.push(await system.sample());
    })();
    const rows = sent.reduce((sum, file) => sum + file.goodRows + file.badRows, 0);
    try {
      return await conclude(system, source, {
        kind: 'burst',
        ...{ files, rows, samples, workers, startedAt },
      });
    } finally {
      isOver = true;
      await sampling;
    }
  } finally {
    await system.close();
  }
};

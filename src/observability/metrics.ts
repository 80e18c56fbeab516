import type { MetricMeter } from '@temporalio/common';

/** A metric as Prometheus shows it; counters get the suffix `_total` from the exporter. */
export interface MetricDefinition {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly meaning: string;
}

/** Public names: NEVER RENAME one. Labels are bounded: datasets and nodes of a project, closed sets of words. */
export const METRICS = {
  batches: {
    name: 'strata_batches',
    kind: 'counter',
    labels: ['dataset', 'state'],
    meaning: 'Files that were published, found to be duplicates, or rejected.',
  },
  rows: {
    name: 'strata_rows',
    kind: 'counter',
    labels: ['dataset', 'outcome'],
    meaning: 'Rows of files: loaded, rejected, or duplicate with their file.',
  },
  contentBytes: {
    name: 'strata_content_bytes',
    kind: 'counter',
    labels: ['dataset'],
    meaning: 'Bytes read, decompressed.',
  },
  letters: {
    name: 'strata_replayed_dead_letters',
    kind: 'counter',
    labels: ['dataset', 'outcome'],
    meaning: 'Dead letters that a replay took: replayed, or failed again.',
  },
  nodeSeconds: {
    name: 'strata_node_seconds',
    kind: 'histogram',
    labels: ['node', 'state'],
    meaning: 'Time that a model or test took, successful or failed.',
  },
  nodeRows: {
    name: 'strata_node_rows',
    kind: 'counter',
    labels: ['node', 'change'],
    meaning: 'Rows of a relation that were inserted, updated, deleted.',
  },
  runs: {
    name: 'strata_runs',
    kind: 'counter',
    labels: ['command', 'state'],
    meaning: 'Runs that ended: success, failed, cancelled.',
  },
  runSeconds: {
    name: 'strata_run_seconds',
    kind: 'histogram',
    labels: ['command', 'state'],
    meaning: 'From the plan of a run to its end.',
  },
  fileToMartSeconds: {
    name: 'strata_file_to_mart_seconds',
    kind: 'histogram',
    labels: ['dataset'],
    meaning: "From a file's acceptance to the end of the run that brought it into the marts.",
  },
  age: {
    name: 'strata_dataset_age_seconds',
    kind: 'gauge',
    labels: ['dataset'],
    meaning: 'Since the newest publication of the dataset.',
  },
  lag: {
    name: 'strata_dataset_lag_seconds',
    kind: 'gauge',
    labels: ['dataset'],
    meaning: 'Age of the oldest published load that some model has not consumed; 0 when all is consumed.',
  },
  openLetters: {
    name: 'strata_open_dead_letters',
    kind: 'gauge',
    labels: ['dataset'],
    meaning: 'Dead letters that wait for somebody.',
  },
  unfinishedBatches: {
    name: 'strata_unfinished_batches',
    kind: 'gauge',
    labels: ['dataset'],
    meaning: 'Files that were accepted, and are neither published nor given up.',
  },
  runsUnderWay: {
    name: 'strata_runs_under_way',
    kind: 'gauge',
    labels: [],
    meaning: 'Runs that go on.',
  },
  openIncidents: {
    name: 'strata_open_incidents',
    kind: 'gauge',
    labels: ['severity'],
    meaning: 'Incidents that are not over, muted ones included.',
  },
  failedAlerts: {
    name: 'strata_failed_alerts',
    kind: 'gauge',
    labels: ['channel'],
    meaning: 'Messages about incidents that were given up in the last 24 hours.',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

type Definitions = typeof METRICS;
type Labels<D extends MetricDefinition> = Readonly<Record<D['labels'][number], string>>;

/** Records a value: added to a counter, set on a gauge, counted in a histogram. */
export type Metrics = {
  readonly [K in keyof Definitions]: (value: number, labels: Labels<Definitions[K]>) => void;
};

/** Seconds; the SDK's own boundaries end at a minute. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

export const histogramBoundaries = (): Record<string, number[]> =>
  Object.fromEntries(
    Object.values(METRICS)
      .filter(({ kind }) => kind === 'histogram')
      .map(({ name }) => [name, SECONDS]),
  );

type Recorder = (value: number, labels: Readonly<Record<string, string>>) => void;

const recorder = (meter: MetricMeter, { name, kind, meaning }: MetricDefinition): Recorder => {
  switch (kind) {
    case 'counter': {
      const counter = meter.createCounter(name, undefined, meaning);
      return (value, labels) => counter.add(value, labels);
    }
    case 'gauge': {
      const gauge = meter.createGauge(name, 'float', undefined, meaning);
      return (value, labels) => gauge.set(value, labels);
    }
    case 'histogram': {
      const histogram = meter.createHistogram(name, 'float', undefined, meaning);
      return (value, labels) => histogram.record(value, labels);
    }
  }
};

/** strata's metrics on Temporal's meter, so that one address shows both. */
export const createMetrics = (meter: MetricMeter): Metrics =>
  Object.fromEntries(
    Object.entries(METRICS).map(([key, definition]) => [key, recorder(meter, definition)]),
  ) as unknown as Metrics;

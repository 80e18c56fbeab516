import type { Metrics } from './metrics';

/** As often as a monitor usually asks. */
const INTERVAL_MS = 15_000;

export interface DatasetGauges {
  readonly dataset: string;
  readonly ageSeconds: number | null;
  readonly lagSeconds: number;
  readonly openDeadLetters: number;
  readonly unfinishedBatches: number;
}

export interface GaugeReadings {
  readonly datasets: readonly DatasetGauges[];
  readonly runsUnderWay: number;
  /** Of every severity and every channel, also where there are none: a gauge keeps what it was last told. */
  readonly openIncidents: readonly { readonly severity: string; readonly incidents: number }[];
  readonly failedAlerts: readonly { readonly channel: string; readonly messages: number }[];
}

const set = (
  metrics: Metrics,
  { datasets, runsUnderWay, openIncidents, failedAlerts }: GaugeReadings,
): void => {
  metrics.runsUnderWay(runsUnderWay, {});
  for (const { severity, incidents } of openIncidents) metrics.openIncidents(incidents, { severity });
  for (const { channel, messages } of failedAlerts) metrics.failedAlerts(messages, { channel });
  for (const { dataset, ageSeconds, lagSeconds, openDeadLetters, unfinishedBatches } of datasets) {
    if (ageSeconds !== null) metrics.age(ageSeconds, { dataset });
    metrics.lag(lagSeconds, { dataset });
    metrics.openLetters(openDeadLetters, { dataset });
    metrics.unfinishedBatches(unfinishedBatches, { dataset });
  }
};

export interface GaugeSampler {
  stop(): Promise<void>;
}

/** Reads the state of things at once, and then every 15 s; a reading that fails leaves the gauges as they are. */
export const sampleGauges = (
  metrics: Metrics,
  read: () => Promise<GaugeReadings>,
  onProblem: (error: unknown) => void,
): GaugeSampler => {
  let reading: Promise<void> = Promise.resolve();
  const sample = (): void => {
    reading = reading.then(async () => set(metrics, await read())).catch(onProblem);
  };
  sample();
  const timer = setInterval(sample, INTERVAL_MS);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await reading;
    },
  };
};

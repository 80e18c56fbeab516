import type { IngestResult, LoadFileInput, LoadFileResult } from '../wire/ingest';
import type { ReplayResult } from '../wire/replay';
import type { FinishRunInput, NodeResult } from '../wire/transform';
import type { ActivityEnd, Facts } from './activity-telemetry';
import type { Metrics } from './metrics';

const measureBatch = (metrics: Metrics, result: IngestResult): void => {
  const { dataset, outcome, rowsRead, rowsLoaded, rowsRejected } = result;
  metrics.batches(1, { dataset, state: outcome });
  if (outcome === 'duplicate') metrics.rows(rowsRead, { dataset, outcome: 'duplicate' });
  if (outcome === 'published') metrics.rows(rowsLoaded, { dataset, outcome: 'loaded' });
  if (outcome !== 'duplicate') metrics.rows(rowsRejected, { dataset, outcome: 'rejected' });
};

const measureNode = (metrics: Metrics, result: NodeResult): void => {
  const { label: node, state, durationMs, rows } = result;
  metrics.nodeSeconds(durationMs / 1000, { node, state });
  if (rows === undefined) return;
  for (const change of ['inserted', 'updated', 'deleted'] as const)
    if (rows[change] > 0) metrics.nodeRows(rows[change], { node, change });
};

const measureRun = async (
  metrics: Metrics,
  facts: Facts,
  { runId, state }: FinishRunInput,
  endedAt: number,
): Promise<void> => {
  const run = await facts.run(runId);
  if (run === undefined) return;
  const { command, startedAt, batches } = run;
  metrics.runs(1, { command, state });
  metrics.runSeconds((endedAt - startedAt) / 1000, { command, state });
  if (command !== 'run' || state !== 'success') return;
  for (const { dataset, acceptedAt } of batches)
    metrics.fileToMartSeconds((endedAt - acceptedAt) / 1000, { dataset });
};

const measureReplay = (metrics: Metrics, { dataset, replayed, failed }: ReplayResult): void => {
  metrics.letters(replayed, { dataset, outcome: 'replayed' });
  metrics.letters(failed, { dataset, outcome: 'failed' });
};

/** Counts what an activity did. Of one that failed only Temporal's own metrics tell. */
export const measureActivity = async (metrics: Metrics, facts: Facts, end: ActivityEnd): Promise<void> => {
  if (end.error !== undefined) return;
  const input: unknown = end.input;
  const result: unknown = end.result;
  switch (end.type) {
    case 'loadFile':
      metrics.contentBytes((result as LoadFileResult).contentBytes, {
        dataset: (input as LoadFileInput).dataset,
      });
      break;
    case 'publishBatch':
      measureBatch(metrics, result as IngestResult);
      break;
    case 'runNode':
      measureNode(metrics, result as NodeResult);
      break;
    case 'finishRun':
      await measureRun(metrics, facts, input as FinishRunInput, end.endedAt);
      break;
    case 'publishReplay':
      measureReplay(metrics, result as ReplayResult);
      break;
    default:
      break;
  }
};

import { priorityOf } from '../domain/priority';
import type { PipelinePlan } from '../wire/pipeline';
import { runSummary } from './pipeline-details';
import type { RunEntry } from './run-entry';
import type { RunQueue } from './run-queue';

const planned = (
  entry: RunEntry,
  state: PipelinePlan['runs'][number]['state'],
): PipelinePlan['runs'][number] => {
  const { number, transform, batchIds, requests, started } = entry;
  return {
    number,
    state,
    does: runSummary(transform, batchIds),
    priority: priorityOf(transform),
    requests,
    transform,
    batchIds,
    ...(started === undefined ? {} : { workflowId: started.workflowId }),
  };
};

/** What query `plan` of the coordinator answers: the runs that it knows of, in the order of their turns. */
export const pipelinePlan = (warehouse: string, runs: RunQueue, byPriority: boolean): PipelinePlan => {
  const { running, paused } = runs;
  const waiting = runs.inOrder(byPriority);
  return {
    warehouse,
    paused,
    runs: [
      ...(running === undefined ? [] : [planned(running, 'running')]),
      ...waiting.map((entry, index) => planned(entry, index === 0 ? 'next' : 'later')),
    ],
  };
};

import { setCurrentDetails, sleep } from '@temporalio/workflow';
import type { StartedRun } from '../wire/pipeline';
import {
  type RequestScheduledRunResult,
  type RunStateResult,
  ScheduledRunInput,
  type ScheduledRunResult,
} from '../wire/scheduled-run';
import { requestScheduledRun, runState } from './activity-options';
import { catalogueFailure, parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { scheduledStart } from './scheduled-start';
import { setSearchAttributes } from './search-attributes';
import { tellOfFailure } from './tell-of-failure';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** The end of a run is seen late by a tenth of its time at most; a week's run costs some thousand looks. */
const PAUSE_SHARE = 0.1;

/**
 * A run for a schedule: asked for from the coordinator, which runs one at a time, and followed to its end, so that the
 * schedule knows whether one goes on, and how it ended. Who cancels this stops the waiting, not the run.
 */
export async function scheduledRun(rawInput?: unknown): Promise<ScheduledRunResult> {
  const started = await tellOfFailure(() => request(rawInput));
  await raiseAlerts(started.conditions, started.databaseUuid);
  const { state, message } = await endOf(started);
  show(started, state);
  if (state === 'success') return { workflowId: started.workflowId, state };
  // The run itself has told the alerter.
  throw state === 'cancelled'
    ? catalogueFailure('RUN_CANCELLED', `${started.workflowId} was cancelled`)
    : catalogueFailure('RUN_FAILED', `${started.workflowId}: ${message ?? 'it failed'}`);
}

const request = async (rawInput: unknown): Promise<RequestScheduledRunResult> => {
  const { transform = {}, timeVar } = parseInput(
    ScheduledRunInput,
    rawInput ?? {},
    'input of workflow scheduledRun',
  );
  const nominal = scheduledStart()?.nominalMs;
  const time = timeVar === undefined ? {} : { [timeVar]: new Date(nominal ?? Date.now()).toISOString() };
  const vars = { ...transform.vars, ...time };
  const asked = Object.keys(vars).length === 0 ? transform : { ...transform, vars };
  setCurrentDetails('Asks the coordinator for a run, and waits for its turn');
  const started = await requestScheduledRun({ transform: asked });
  show(started, 'running');
  return started;
};

const endOf = async ({ workflowId, firstExecutionRunId }: StartedRun): Promise<RunStateResult> => {
  const startedAt = Date.now();
  for (;;) {
    const share = (Date.now() - startedAt) * PAUSE_SHARE;
    await sleep(Math.min(Math.max(share, FIRST_PAUSE_MS), LONGEST_PAUSE_MS));
    const result = await runState.executeWithOptions({ summary: workflowId }, [
      { workflowId, firstExecutionRunId },
    ]);
    if (result.state !== 'running') return result;
  }
};

const show = (
  { workflowId, warehouse, searchAttributes }: RequestScheduledRunResult,
  state: RunStateResult['state'],
): void => {
  setCurrentDetails(`Run \`${workflowId}\`: **${state}**`);
  if (searchAttributes) setSearchAttributes({ warehouse, state });
};

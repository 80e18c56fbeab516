import { continueAsNew, patched, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import { backfilledMoment, type ScheduledStart } from '../domain/logical-time';
import { PRIORITY, priorityOf } from '../domain/priority';
import { isAskersMistake } from '../domain/run-findings';
import { asRight, failedWorkflowConditions, succeededWorkflow } from '../domain/workflow-findings';
import {
  type FollowedRun,
  type RequestScheduledRunResult,
  type RunStateResult,
  ScheduledRunInput,
  type ScheduledRunResult,
} from '../wire/scheduled-run';
import type { TransformInput } from '../wire/transform';
import { requestScheduledRun, runState } from './activity-options';
import { catalogueFailure, parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { ofSchedule, scheduledStart, startingSchedule, thisWork } from './scheduled-start';
import { setSearchAttributes } from './search-attributes';
import { tellOfFailure } from './tell-of-failure';

/** That something is right again is told when the run has succeeded, and a schedule's own mistake when it failed. */
const TOLD_AT_ITS_END = 'scheduled-run-tells-at-its-end';
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** The end of a run is seen late by a tenth of its time at most; a week's run costs some thousand looks. */
const PAUSE_SHARE = 0.1;
/** A look costs some ten events of at most 51,200. */
const LOOKS_PER_EXECUTION = 1_000;

/**
 * A run for a schedule: asked for from the coordinator, which runs one at a time, and followed to its end, so that the
 * schedule knows whether one goes on, and how it ended. Who cancels this stops the waiting, not the run.
 */
export async function scheduledRun(rawInput?: unknown): Promise<ScheduledRunResult> {
  const { input, followed } = await tellOfFailure(() => begin(rawInput));
  const { state, message = 'it failed', code } = await endOf(input, followed);
  show(followed, state);
  const work = thisWork();
  const isScheduled = work.schedule !== undefined;
  if (state === 'success') {
    if (isScheduled && patched(TOLD_AT_ITS_END)) await raiseAlerts(asRight(succeededWorkflow(work)));
    return { workflowId: followed.workflowId, state };
  }
  // Of all else the run itself has told the alerter; of this it told who asked, and that is a schedule.
  if (isScheduled && isAskersMistake(code) && patched(TOLD_AT_ITS_END))
    await raiseAlerts(failedWorkflowConditions(work, { code, message }, workflowInfo()));
  throw state === 'cancelled'
    ? catalogueFailure('RUN_CANCELLED', `${followed.workflowId} was cancelled`)
    : catalogueFailure('RUN_FAILED', `${followed.workflowId}: ${message}`);
}

const begin = async (rawInput: unknown): Promise<{ input: ScheduledRunInput; followed: FollowedRun }> => {
  const input = parseInput(ScheduledRunInput, rawInput ?? {}, 'input of workflow scheduledRun');
  if (input.following !== undefined) {
    show(input.following, 'running');
    return { input, followed: input.following };
  }
  const { conditions, databaseUuid, ...started } = await request(input);
  // What a schedule's run fails with is known at its end only.
  if (startingSchedule() === undefined || !patched(TOLD_AT_ITS_END))
    await raiseAlerts(conditions, databaseUuid);
  return { input, followed: { ...started, sinceMs: Date.now() } };
};

const request = async ({
  transform = {},
  timeVar,
}: ScheduledRunInput): Promise<RequestScheduledRunResult> => {
  const start = scheduledStart();
  const time =
    timeVar === undefined ? {} : { [timeVar]: new Date(start?.nominalMs ?? Date.now()).toISOString() };
  const vars = { ...transform.vars, ...time };
  const asked = {
    ...transform,
    ...(Object.keys(vars).length === 0 ? {} : { vars }),
    ...backfilledPriority(transform, timeVar === undefined ? undefined : start),
  };
  setCurrentDetails('Asks the coordinator for a run, and waits for its turn');
  const started = await requestScheduledRun({ transform: asked, ...ofSchedule() });
  show(started, 'running');
  return started;
};

/** Runs for past times go after those that are about now. Without a time there are no backfills, only late starts. */
const backfilledPriority = (
  transform: TransformInput,
  start: ScheduledStart | undefined,
): Pick<TransformInput, 'priority'> =>
  transform.priority !== undefined || start === undefined || backfilledMoment(start) === undefined
    ? {}
    : { priority: Math.max(priorityOf(transform), PRIORITY.background) };

const endOf = async (input: ScheduledRunInput, followed: FollowedRun): Promise<RunStateResult> => {
  const { workflowId, firstExecutionRunId, sinceMs } = followed;
  const { looksPerExecution = LOOKS_PER_EXECUTION } = input;
  for (let looks = 0; looks < looksPerExecution && !workflowInfo().continueAsNewSuggested; looks++) {
    const share = (Date.now() - sinceMs) * PAUSE_SHARE;
    await sleep(Math.min(Math.max(share, FIRST_PAUSE_MS), LONGEST_PAUSE_MS));
    const result = await runState.executeWithOptions({ summary: workflowId }, [
      { workflowId, firstExecutionRunId },
    ]);
    if (result.state !== 'running') return result;
  }
  return continueAsNew<typeof scheduledRun>({ ...input, following: followed });
};

const show = (
  {
    workflowId,
    warehouse,
    searchAttributes,
  }: Pick<FollowedRun, 'workflowId' | 'warehouse' | 'searchAttributes'>,
  state: RunStateResult['state'],
): void => {
  setCurrentDetails(`Run \`${workflowId}\`: **${state}**`);
  if (searchAttributes) setSearchAttributes({ warehouse, state });
};

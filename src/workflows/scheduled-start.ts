import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { ScheduledStart } from '../domain/logical-time';
import type { StandingWork } from '../domain/workflow-findings';
import { scheduleId } from '../wire/names';

/** Set by the server on what a schedule starts. */
const NOMINAL = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);
const STARTED_BY = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);

/** When the schedule meant this workflow to start; undefined for one that no schedule has started. */
export const scheduledStart = (): ScheduledStart | undefined => {
  const { typedSearchAttributes, runStartTime } = workflowInfo();
  const nominal = typedSearchAttributes.get(NOMINAL);
  return nominal === undefined
    ? undefined
    : { nominalMs: nominal.getTime(), startedMs: runStartTime.getTime() };
};

/** The name of the schedule that has started this workflow; the whole id of one that strata didn't make. */
export const startingSchedule = (): string | undefined => {
  const { typedSearchAttributes, taskQueue } = workflowInfo();
  const id = typedSearchAttributes.get(STARTED_BY);
  const prefix = scheduleId(taskQueue, '');
  return id?.startsWith(prefix) === true ? id.slice(prefix.length) : id;
};

/** This workflow, for what is told of it. */
export const thisWork = (): StandingWork => ({
  type: workflowInfo().workflowType,
  schedule: startingSchedule(),
});

/** For activities: the schedule that is behind this workflow, if one is. */
export const ofSchedule = (): Pick<StandingWork, 'schedule'> => {
  const schedule = startingSchedule();
  return schedule === undefined ? {} : { schedule };
};

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { ScheduledStart } from '../domain/logical-time';

/** Set by the server on what a schedule starts. */
const NOMINAL = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** When the schedule meant this workflow to start; undefined for one that no schedule has started. */
export const scheduledStart = (): ScheduledStart | undefined => {
  const { typedSearchAttributes, runStartTime } = workflowInfo();
  const nominal = typedSearchAttributes.get(NOMINAL);
  return nominal === undefined
    ? undefined
    : { nominalMs: nominal.getTime(), startedMs: runStartTime.getTime() };
};

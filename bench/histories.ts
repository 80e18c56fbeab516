/** What Temporal has recorded of a stretch of time: when which activity ran. */
import type { Client } from '@temporalio/client';

/** In milliseconds since 1970, by the clock of the Temporal server, which is this machine's. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

const timeOf = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;

/** The activities of all workflows that were open at or after a time, as they ran (not as they waited). */
export const activitiesSince = async (client: Client, since: Date): Promise<Interval[]> => {
  const found: Interval[] = [];
  const query = `StartTime >= "${since.toISOString()}" OR ExecutionStatus = "Running"`;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const scheduled = new Map<string, string>();
    const started = new Map<string, { from: number; name: string }>();
    for (const event of events ?? []) {
      const begun = event.activityTaskStartedEventAttributes;
      if (event.activityTaskScheduledEventAttributes)
        scheduled.set(
          String(event.eventId),
          event.activityTaskScheduledEventAttributes.activityType?.name ?? '',
        );
      if (begun)
        started.set(String(event.eventId), {
          from: timeOf(event.eventTime),
          name: scheduled.get(String(begun.scheduledEventId)) ?? '',
        });
      const ended = event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes;
      const activity = ended && started.get(String(ended.startedEventId));
      if (activity) found.push({ ...activity, to: timeOf(event.eventTime) });
    }
  }
  return found.filter(({ to }) => to >= since.getTime());
};

/** How long at least one of them went on, within a stretch of time. */
export const coveredMs = (intervals: readonly Interval[], from: number, to: number): number => {
  let [covered, end] = [0, from];
  for (const one of intervals.toSorted((a, b) => a.from - b.from)) {
    const begin = Math.max(end, one.from);
    const stop = Math.min(to, one.to);
    if (stop <= begin) continue;
    covered += stop - begin;
    end = stop;
  }
  return covered;
};

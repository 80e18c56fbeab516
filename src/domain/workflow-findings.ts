import type { Condition, ConditionKey } from '../wire/alerts';
import { alertSummary } from './alert-summary';

/** A workflow that a schedule starts, or somebody by hand. */
export interface StandingWork {
  readonly type: string;
  /** The name of the schedule that started it; two schedules of a kind fail and recover each by itself. */
  readonly schedule?: string | undefined;
}

/** The subject of what is wrong with a workflow that a schedule starts, and with no node, file or source. */
export const workflowSubject = ({ type, schedule }: StandingWork): string =>
  schedule === undefined ? `workflow ${type}` : `workflow ${type} of schedule ${schedule}`;

/** What is right again when it has succeeded: that of its schedule, and what failed by hand. */
export const succeededWorkflow = (work: StandingWork): ConditionKey[] => [
  { kind: 'failure', subject: workflowSubject({ type: work.type }) },
  ...(work.schedule === undefined
    ? []
    : [{ kind: 'failure', subject: workflowSubject(work) } satisfies ConditionKey]),
];

/** Says of these that they are right. */
export const asRight = (keys: readonly ConditionKey[]): Condition[] =>
  keys.map((key) => ({ ...key, state: 'ok' }));

/** What a workflow that failed for a reason of its own says. */
export const failedWorkflowConditions = (
  work: StandingWork,
  { code, message }: { readonly code: string; readonly message: string },
  { runId, workflowId }: { readonly runId: string; readonly workflowId: string },
): Condition[] => [
  {
    kind: 'failure',
    subject: workflowSubject(work),
    state: 'firing',
    summary: alertSummary(`${workflowSubject(work)} failed: ${code}: ${message}`),
    observation: runId,
    workflowId,
  },
];

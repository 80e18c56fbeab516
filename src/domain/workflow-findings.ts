import type { Condition } from '../wire/alerts';
import { alertSummary } from './alert-summary';

/** The subject of what is wrong with a workflow that a schedule starts, and with no node, file or source. */
export const workflowSubject = (type: string): string => `workflow ${type}`;

/** What a workflow that failed for a reason of its own says. */
export const failedWorkflowConditions = (
  type: string,
  { code, message }: { readonly code: string; readonly message: string },
  { runId, workflowId }: { readonly runId: string; readonly workflowId: string },
): Condition[] => [
  {
    kind: 'failure',
    subject: workflowSubject(type),
    state: 'firing',
    summary: alertSummary(`workflow ${type} failed: ${code}: ${message}`),
    observation: runId,
    workflowId,
  },
];

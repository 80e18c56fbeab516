import type { Condition, ConditionKey } from '../wire/alerts';
import type { SourceFreshness } from '../wire/freshness';
import { WORKFLOW } from '../wire/names';
import { alertSummary } from './alert-summary';
import type { Findings } from './run-findings';
import { succeededWorkflow } from './workflow-findings';

/** A batch that failed, or was refused, has its own incident: that a source is stale because of it, is part of that. */
const causeOf = ({ dataset, diagnosis }: SourceFreshness): ConditionKey | undefined =>
  dataset !== null && (diagnosis === 'pipeline_failed' || diagnosis === 'file_refused')
    ? { kind: 'failure', subject: dataset }
    : undefined;

const breachOf = (source: SourceFreshness, severity: 'warn' | 'error', checkId: string): Condition => {
  const cause = causeOf(source);
  return {
    kind: 'freshness',
    subject: source.source,
    state: 'firing',
    severity,
    summary: alertSummary(source.message),
    observation: `check ${checkId}`,
    ...(source.batchId === null ? {} : { batchId: source.batchId }),
    ...(cause === undefined ? {} : { cause }),
  };
};

/** What a check of the sources says: which are stale, and which are not. */
export const freshnessFindings = (
  checkId: string,
  sources: readonly SourceFreshness[],
  schedule?: string,
): Findings => ({
  wrong: sources.flatMap((source) =>
    source.status === 'warn' || source.status === 'error' ? [breachOf(source, source.status, checkId)] : [],
  ),
  right: [
    // The check itself has come to an end.
    ...succeededWorkflow({ type: WORKFLOW.freshness, schedule }),
    ...sources
      .filter(({ status }) => status === 'pass')
      .map(({ source }): ConditionKey => ({ kind: 'freshness', subject: source })),
  ],
});

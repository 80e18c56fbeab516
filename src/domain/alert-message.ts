import type { ConditionKind, Severity } from '../wire/alerts';
import type { Incident, IncidentEvent } from './incidents';
import { spanText } from './span-text';

/** What is sent, whatever the channel; plain words, no secrets, no rows. */
export interface AlertMessage {
  readonly event: IncidentEvent | 'test';
  readonly warehouse: string;
  /** One line. */
  readonly title: string;
  readonly summary: string;
  readonly affected: readonly string[];
  readonly severity: Severity;
  readonly incident?:
    | {
        readonly id: string;
        readonly kind: ConditionKind;
        readonly subject: string;
        readonly seen: number;
        readonly openedAt: string;
        readonly resolvedAt?: string | undefined;
      }
    | undefined;
  readonly runId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly workflowId?: string | undefined;
}

/** A message stays small whatever went wrong at once. */
const MAX_SUMMARY = 8_000;
const MAX_AFFECTED = 200;

const NOUN: Readonly<Record<ConditionKind, readonly [string, string]>> = {
  failure: ['failure', 'failures'],
  freshness: ['check', 'checks'],
  'dead-letters': ['file', 'files'],
  'schema-drift': ['file', 'files'],
  'verify-mismatch': ['verification', 'verifications'],
  suspended: ['observation', 'observations'],
};

const WHAT: Readonly<Record<ConditionKind, string>> = {
  failure: 'failed',
  freshness: 'is stale',
  'dead-letters': 'has many bad rows',
  'schema-drift': 'has other columns',
  'verify-mismatch': 'differs from a full refresh',
  suspended: 'is suspended',
};

const countText = ({ kind, seen }: Incident): string => `${seen} ${NOUN[kind][seen === 1 ? 0 : 1]}`;

const titleOf = (incident: Incident, event: IncidentEvent, nowMs: number): string => {
  const since = spanText(Math.round(((incident.resolvedAtMs ?? nowMs) - incident.openedAtMs) / 1_000));
  const what = `${incident.subject} ${WHAT[incident.kind]}`;
  switch (event) {
    case 'firing':
      return what;
    case 'escalated':
      return `${what}: worse after ${since}`;
    case 'reminder':
      return `${what}, still: ${countText(incident)} in ${since}`;
    case 'resolved':
      return `${incident.subject}: resolved after ${countText(incident)}, ${since}`;
  }
};

const isoTime = (ms: number): string => new Date(ms).toISOString();

/** What people are told of an event of an incident. */
export const alertMessage = (
  { incidentId, ...incident }: Incident & { readonly incidentId: string },
  { event, warehouse, nowMs }: { event: IncidentEvent; warehouse: string; nowMs: number },
): AlertMessage => {
  const news = incident.conditions.filter((c) => c.kind !== incident.kind || c.subject !== incident.subject);
  const { kind, subject, seen, openedAtMs, resolvedAtMs } = incident;
  return {
    event,
    warehouse,
    severity: incident.severity,
    title: titleOf(incident, event, nowMs),
    summary: [incident.summary, ...news.map((c) => c.summary)].join('\n').slice(0, MAX_SUMMARY),
    affected: incident.affected.slice(0, MAX_AFFECTED),
    incident: {
      id: incidentId,
      kind,
      subject,
      seen,
      openedAt: isoTime(openedAtMs),
      ...(resolvedAtMs === undefined ? {} : { resolvedAt: isoTime(resolvedAtMs) }),
    },
    runId: incident.runId,
    batchId: incident.batchId,
    workflowId: incident.workflowId,
  };
};

export const testMessage = (warehouse: string): AlertMessage => ({
  event: 'test',
  warehouse,
  severity: 'warn',
  title: 'This is a test',
  summary: 'Somebody tries whether alerts of this warehouse arrive. They do.',
  affected: [],
});

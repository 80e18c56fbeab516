import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { CHANNELS, CONDITION_KINDS, SEVERITIES } from '../wire/alerts';
import { isoTime } from './iso-time';
import { sql } from './sql';

// What `strata alerts list`, `strata status` and the page show.

const IncidentRow = z.object({
  incidentId: z.string(),
  kind: z.enum(CONDITION_KINDS),
  subject: z.string(),
  severity: z.enum(SEVERITIES),
  state: z.enum(['firing', 'resolved']),
  summary: z.string(),
  affected: z.array(z.string()),
  seen: z.number(),
  openedAt: z.string(),
  lastSeenAt: z.string(),
  resolvedAt: z.string().nullable(),
  toldAt: z.string().nullable(),
  ackedAt: z.string().nullable(),
  ackedBy: z.string().nullable(),
  ackReason: z.string().nullable(),
  runId: z.string().nullable(),
  batchId: z.string().nullable(),
  workflowId: z.string().nullable(),
});
export type ListedIncident = z.infer<typeof IncidentRow>;

export interface IncidentPage {
  /** Those that are over, too. */
  readonly all: boolean;
  readonly limit: number;
  /** Only those before this one. */
  readonly before?: string | undefined;
}

/** The newest first. */
export const listIncidents = (
  db: CommonQueryMethods,
  { all, limit, before }: IncidentPage,
): Promise<readonly ListedIncident[]> =>
  db.any(sql.type(IncidentRow)`
    select
      incident_id as "incidentId", kind, subject, severity, state, summary, affected, seen,
      ${isoTime('opened_at')} as "openedAt", ${isoTime('last_seen_at')} as "lastSeenAt",
      ${isoTime('resolved_at')} as "resolvedAt", ${isoTime('told_at')} as "toldAt", ${isoTime('acked_at')} as "ackedAt",
      acked_by as "ackedBy", ack_reason as "ackReason", run_id as "runId", batch_id as "batchId",
      workflow_id as "workflowId"
    from ops.incident
    where
      (${all} or state = 'firing')
      and (${before ?? null}::bigint is null or incident_id < ${before ?? null}::bigint)
    order by incident_id desc
    limit ${limit}
  `);

const MessageRow = z.object({
  deliveryId: z.string(),
  incidentId: z.string().nullable(),
  event: z.string(),
  channel: z.enum(CHANNELS),
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.number(),
  error: z.string().nullable(),
  createdAt: z.string(),
});
export type ListedMessage = z.infer<typeof MessageRow>;

const MESSAGE = sql.fragment`
  delivery_id as "deliveryId", incident_id as "incidentId", event, channel, state, tries, last_error as error,
  ${isoTime('created_at')} as "createdAt"
`;

/** Messages of the last days that did not arrive: that were given up, or have failed and will be tried again. */
export const undeliveredMessages = (
  db: CommonQueryMethods,
  { days, limit }: { readonly days: number; readonly limit: number },
): Promise<readonly ListedMessage[]> =>
  db.any(sql.type(MessageRow)`
    select ${MESSAGE}
    from ops.alert_delivery
    where
      (state = 'failed' or (state = 'pending' and tries > 0))
      and created_at > clock_timestamp() - make_interval(days => ${days})
    order by delivery_id desc
    limit ${limit}
  `);

/** Messages by their ids. */
export const messagesOf = (
  db: CommonQueryMethods,
  deliveryIds: readonly string[],
): Promise<readonly ListedMessage[]> =>
  db.any(sql.type(MessageRow)`
    select ${MESSAGE} from ops.alert_delivery where delivery_id = any(${sql.array([...deliveryIds], 'int8')})
    order by delivery_id
  `);

import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { CONDITION_KINDS, SEVERITIES } from '../wire/alerts';
import { isoTime } from './iso-time';
import { sql } from './sql';

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
  ackedAt: z.string().nullable(),
  ackedBy: z.string().nullable(),
  runId: z.string().nullable(),
  batchId: z.string().nullable(),
  workflowId: z.string().nullable(),
});
export type IncidentRow = z.infer<typeof IncidentRow>;

/** The newest incidents first, or those before one. */
export const recentIncidents = (
  db: CommonQueryMethods,
  count: number,
  { before = null }: { readonly before?: string | null | undefined } = {},
): Promise<readonly IncidentRow[]> =>
  db.any(sql.type(IncidentRow)`
    select
      incident_id as "incidentId",
      kind,
      subject,
      severity,
      state,
      summary,
      affected,
      seen,
      ${isoTime('opened_at')} as "openedAt",
      ${isoTime('last_seen_at')} as "lastSeenAt",
      ${isoTime('resolved_at')} as "resolvedAt",
      ${isoTime('acked_at')} as "ackedAt",
      acked_by as "ackedBy",
      run_id as "runId",
      batch_id as "batchId",
      workflow_id as "workflowId"
    from ops.incident
    where ${before}::bigint is null or incident_id < ${before}::bigint
    order by incident_id desc
    limit ${count}
  `);

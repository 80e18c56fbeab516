import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';
import type { Incident } from '../domain/incidents';
import { asRight, type StandingWork, succeededWorkflow } from '../domain/workflow-findings';
import { type Condition, CONDITION_KINDS, type ConditionKey, SEVERITIES } from '../wire/alerts';

const Kind = z.enum(CONDITION_KINDS);
const SeverityText = z.enum(SEVERITIES);
const Key = z.object({ kind: Kind, subject: z.string() });
const Held = Key.extend({
  severity: SeverityText,
  summary: z.string(),
  cause: Key.optional(),
  affected: z.array(z.string()).optional(),
  observation: z.string().optional(),
});

const IncidentRow = z.object({
  incidentId: z.string(),
  kind: Kind,
  subject: z.string(),
  severity: SeverityText,
  state: z.enum(['firing', 'resolved']),
  summary: z.string(),
  affected: z.array(z.string()),
  conditions: z.array(Held),
  seen: z.number(),
  openedAtMs: z.number(),
  lastSeenAtMs: z.number(),
  toldAtMs: z.number().nullable(),
  acked: z.boolean(),
  runId: z.string().nullable(),
  batchId: z.string().nullable(),
  workflowId: z.string().nullable(),
});

/** An incident as it is stored. */
export interface StoredIncident extends Incident {
  readonly incidentId: string;
}

const toIncident = (row: z.infer<typeof IncidentRow>): StoredIncident => ({
  ...row,
  toldAtMs: row.toldAtMs ?? undefined,
  runId: row.runId ?? undefined,
  batchId: row.batchId ?? undefined,
  workflowId: row.workflowId ?? undefined,
});

/** Locks the open incidents until the end of the transaction, the oldest first. */
export const lockOpenIncidents = async (db: CommonQueryMethods): Promise<StoredIncident[]> => {
  const rows = await db.any(sql.type(IncidentRow)`
    select
      incident_id as "incidentId",
      kind,
      subject,
      severity,
      state,
      summary,
      affected,
      conditions,
      seen,
      (extract(epoch from opened_at) * 1000)::float8 as "openedAtMs",
      (extract(epoch from last_seen_at) * 1000)::float8 as "lastSeenAtMs",
      (extract(epoch from told_at) * 1000)::float8 as "toldAtMs",
      acked_at is not null as acked,
      run_id as "runId",
      batch_id as "batchId",
      workflow_id as "workflowId"
    from ops.incident
    where state = 'firing'
    order by incident_id
    for update
  `);
  return rows.map(toIncident);
};

const timeOf = (ms: number | undefined) =>
  ms === undefined ? sql.fragment`null::timestamptz` : sql.fragment`to_timestamp(${ms / 1_000}::float8)`;

const firstObservation = ({ kind, subject, conditions }: Incident): string | null =>
  conditions.find((c) => c.kind === kind && c.subject === subject)?.observation ?? null;

/** Enters a new incident; returns its id. */
export const insertIncident = (db: CommonQueryMethods, incident: Incident): Promise<string> =>
  db.oneFirst(sql.type(z.object({ incident_id: z.string() }))`
    insert into ops.incident (
      kind, subject, severity, summary, affected, conditions, observation, seen, run_id, batch_id, workflow_id,
      opened_at, last_seen_at, told_at
    )
    values (
      ${incident.kind}, ${incident.subject}, ${incident.severity}, ${incident.summary},
      ${sql.array([...incident.affected], 'text')}, ${JSON.stringify(incident.conditions)}::jsonb,
      ${firstObservation(incident)}, ${incident.seen}, ${incident.runId ?? null}, ${incident.batchId ?? null},
      ${incident.workflowId ?? null}, ${timeOf(incident.openedAtMs)}, ${timeOf(incident.lastSeenAtMs)},
      ${timeOf(incident.toldAtMs)}
    )
    returning incident_id
  `);

/** Writes what became of an incident. */
export const updateIncident = async (db: CommonQueryMethods, incident: StoredIncident): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.incident
    set
      severity = ${incident.severity},
      state = ${incident.state},
      summary = ${incident.summary},
      affected = ${sql.array([...incident.affected], 'text')},
      conditions = ${JSON.stringify(incident.conditions)}::jsonb,
      observation = coalesce(${firstObservation(incident)}, observation),
      seen = ${incident.seen},
      run_id = ${incident.runId ?? null},
      batch_id = ${incident.batchId ?? null},
      workflow_id = ${incident.workflowId ?? null},
      last_seen_at = ${timeOf(incident.lastSeenAtMs)},
      resolved_at = ${timeOf(incident.resolvedAtMs)},
      told_at = ${timeOf(incident.toldAtMs)}
    where incident_id = ${incident.incidentId}::bigint
  `);
};

/** Whether an observation has opened, or last kept open, an incident that is resolved by now: it is told late. */
export const isOfResolvedIncident = (
  db: CommonQueryMethods,
  { kind, subject }: ConditionKey,
  observation: string,
): Promise<boolean> =>
  db.oneFirst(sql.type(z.object({ exists: z.boolean() }))`
    select exists (
      select from ops.incident
      where
        state = 'resolved' and observation = ${observation} and kind = ${kind} and subject = ${subject}
    ) as exists
  `);

export interface Acknowledgement {
  readonly incidentId: string;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
}

/** Notes who looks after an open incident; the first one stands. Returns whether there is such an open incident. */
export const ackIncident = async (db: CommonQueryMethods, ack: Acknowledgement): Promise<boolean> => {
  const { rowCount } = await db.query(sql.typeAlias('void')`
    update ops.incident
    set
      acked_at = coalesce(acked_at, clock_timestamp()),
      acked_by = coalesce(acked_by, ${ack.actor ?? null}::text),
      ack_reason = coalesce(ack_reason, ${ack.reason ?? null}::text)
    where incident_id = ${ack.incidentId}::bigint and state = 'firing'
  `);
  return rowCount > 0;
};

/** Which open incidents have one of these conditions; cheap where there is none. */
export const openConditions = async (
  db: CommonQueryMethods,
  keys: readonly ConditionKey[],
): Promise<ConditionKey[]> => {
  if (keys.length === 0) return [];
  const rows = await db.any(sql.type(Key)`
    select c.kind, c.subject
    from ops.incident as i
    cross join lateral jsonb_to_recordset(i.conditions) as c (kind text, subject text)
    where i.state = 'firing'
  `);
  return keys.filter((key) => rows.some((row) => row.kind === key.kind && row.subject === key.subject));
};

/** What is right again when such a workflow has succeeded, to be told to the alerter; mostly nothing. */
export const rightAgain = async (db: CommonQueryMethods, work: StandingWork): Promise<Condition[]> =>
  asRight(await openConditions(db, succeededWorkflow(work)));

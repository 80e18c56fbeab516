import { z } from 'zod/v4';
import { idOrNumber, momentText } from './text-formats';

/** What can be wrong; each kind has its own rules in domain/incidents.ts. */
export const CONDITION_KINDS = [
  'failure',
  'freshness',
  'dead-letters',
  'schema-drift',
  'verify-mismatch',
  'suspended',
] as const;
export const ConditionKind = z.enum(CONDITION_KINDS);
export type ConditionKind = z.infer<typeof ConditionKind>;

export const SEVERITIES = ['warn', 'error'] as const;
export const Severity = z.enum(SEVERITIES);
export type Severity = z.infer<typeof Severity>;

/** Which condition is meant: what is wrong with what. */
export const ConditionKey = z.strictObject({
  kind: ConditionKind,
  /** Of a node its id, of a file its dataset's name, of a source `raw.transactions`; `run` where no node is to blame; `workflow TYPE`, with `of schedule NAME`. */
  subject: z.string().min(1).max(500),
});
export type ConditionKey = z.infer<typeof ConditionKey>;

/** Characters. */
export const MAX_SUMMARY = 2_000;

/** Something was looked at, and found wrong (`firing`) or right (`ok`). */
export const Condition = ConditionKey.extend({
  state: z.enum(['firing', 'ok']),
  /** Default: error. */
  severity: Severity.optional(),
  /** What is wrong, in one line without personal data. */
  summary: z.string().max(MAX_SUMMARY).optional(),
  /** The root cause, where it is known to be another condition: both are then one incident. */
  cause: ConditionKey.optional(),
  /** What can't go on because of it: labels of nodes. */
  affected: z.array(z.string()).max(200).optional(),
  /** An observation that is told twice counts once: the id of the run, or of the batch. */
  observation: z.string().optional(),
  runId: z.string().optional(),
  batchId: z.string().optional(),
  workflowId: z.string().optional(),
  /** Of the database that it was observed in; of another one it is ignored. */
  databaseUuid: z.string().optional(),
});
export type Condition = z.infer<typeof Condition>;

/** Signal `conditionObserved`: one, or several. */
export const ConditionObserved = z.union([Condition, z.array(Condition)]);

/** Signal `ackIncident`: somebody looks after it, no more reminders. */
export const AckIncident = z.strictObject({
  incidentId: idOrNumber,
  actor: z.string().optional(),
  reason: z.string().optional(),
});
export type AckIncident = z.infer<typeof AckIncident>;

/** What a mute is about: all of a kind, all of a subject, or both together; in a subject `*` stands for any text. */
const MuteScope = z.strictObject({
  kind: ConditionKind.optional(),
  subject: z.string().min(1).max(500).optional(),
});
type MuteScope = z.infer<typeof MuteScope>;

const namesSomething = ({ kind, subject }: MuteScope): boolean => kind !== undefined || subject !== undefined;

/** Signal `muteAlerts`: incidents are recorded, and nobody is told of them; for so long, or until a moment. */
export const MuteAlerts = MuteScope.extend({
  seconds: z
    .number()
    .positive()
    .max(366 * 86_400)
    .optional(),
  until: momentText.optional(),
  actor: z.string().optional(),
  reason: z.string().optional(),
})
  .refine(namesSomething, 'kind or subject is needed')
  .refine(
    ({ seconds, until }) => (seconds === undefined) !== (until === undefined),
    'either seconds or until is needed',
  );
export type MuteAlerts = z.infer<typeof MuteAlerts>;

/** Signal `unmuteAlerts`: ends the mutes of just this kind and subject. */
export const UnmuteAlerts = MuteScope.refine(namesSomething, 'kind or subject is needed');
export type UnmuteAlerts = z.infer<typeof UnmuteAlerts>;

export const CHANNELS = ['webhook', 'slack', 'email'] as const;
export const Channel = z.enum(CHANNELS);
export type Channel = z.infer<typeof Channel>;

/** Update `testAlert`: sends a test message. */
export const TestAlert = z.strictObject({ channel: Channel.optional() });
export type TestAlert = z.infer<typeof TestAlert>;

/** Answer of update `testAlert`; empty where no such channel is configured. */
export interface TestedAlert {
  deliveries: { deliveryId: string; channel: Channel }[];
}

/** Input of workflow `alert`, which needs none by hand; continue-as-new carries over in it what is not yet recorded. */
export const AlertInput = z.object({
  conditions: z.array(Condition).optional(),
  acks: z.array(AckIncident).optional(),
  mutes: z.array(MuteAlerts).optional(),
  unmutes: z.array(UnmuteAlerts).optional(),
  /** Continue as new after so many turns. */
  turnsPerExecution: z.number().int().min(1).optional(),
});
export type AlertInput = z.infer<typeof AlertInput>;

export interface RaiseAlertsInput {
  conditions: Condition[];
  /** In which they were observed, where that is known. */
  databaseUuid?: string | undefined;
}

/** What happened since the last turn of the alerter. */
export interface RecordAlertsInput {
  conditions: Condition[];
  acks: AckIncident[];
  mutes: MuteAlerts[];
  unmutes: UnmuteAlerts[];
  tests: { testId: string; channel?: Channel | undefined }[];
}

/** A message that has not come to an end, and when to try it next. */
export interface PendingDelivery {
  deliveryId: string;
  channel: Channel;
  inMs: number;
}

export interface OpenIncident {
  incidentId: string;
  kind: ConditionKind;
  subject: string;
  severity: Severity;
  summary: string;
  /** How often it was seen. */
  seen: number;
  openedAt: string;
  acked: boolean;
}

export interface RecordAlertsResult {
  /** The oldest first; at most 50. */
  open: OpenIncident[];
  openCount: number;
  /** The next of each incident and channel; their order is kept. */
  deliveries: PendingDelivery[];
  /** There are more of them than these: look again when these are done. */
  moreDeliveries?: boolean | undefined;
  /** When to look again without being told: for a reminder, since a mute ends, or for work that ended untold. */
  nextLookInMs?: number | undefined;
  /** Set where a heartbeat is configured. */
  heartbeatIntervalMs?: number | undefined;
  tested: { testId: string; deliveries: { deliveryId: string; channel: Channel }[] }[];
}

export interface DeliverAlertInput {
  deliveryId: string;
}

/** What one try came to. */
export interface DeliverAlertResult {
  state: 'pending' | 'delivered' | 'failed';
  /** What is to be tried next: the same again, or what waited for it. */
  next?: PendingDelivery | undefined;
}

export interface PingHeartbeatResult {
  /** False: there is no address, it could not be reached, or messages have waited for too long. */
  pinged: boolean;
}

/** Answer of query `status`. */
export interface AlertStatus {
  warehouse: string;
  open: OpenIncident[];
  openCount: number;
  /** Told, and not yet recorded. */
  waiting: number;
  /** Messages that are being sent, or wait for their next try. */
  deliveries: number;
  heartbeat: boolean;
}

import type { Condition, ConditionKey, ConditionKind, Severity } from '../wire/alerts';

// An incident is one root cause, from the moment at which a condition of it is first seen to the moment at which none
// holds any more. Pure: what is stored, and who is told by which channel, is the caller's affair.

/** A condition that holds now. */
export interface HeldCondition extends ConditionKey {
  readonly severity: Severity;
  readonly summary: string;
  readonly cause?: ConditionKey | undefined;
  readonly affected?: readonly string[] | undefined;
  readonly observation?: string | undefined;
}

export interface Incident extends ConditionKey {
  /** The worst of its conditions. */
  readonly severity: Severity;
  readonly state: 'firing' | 'resolved';
  /** Of the condition that opened it, as it was last seen. */
  readonly summary: string;
  readonly affected: readonly string[];
  readonly conditions: readonly HeldCondition[];
  /** How often the condition that opened it was seen. */
  readonly seen: number;
  readonly openedAtMs: number;
  readonly lastSeenAtMs: number;
  readonly resolvedAtMs?: number | undefined;
  /** When people were last told that it goes on; unset: they were not told of it at all. */
  readonly toldAtMs?: number | undefined;
  readonly acked: boolean;
  readonly runId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly workflowId?: string | undefined;
}

/** Why people are told: `firing` first, `resolved` last, each at most once; the others in between. */
export type IncidentEvent = 'firing' | 'escalated' | 'reminder' | 'resolved';

export interface Step<I extends Incident> {
  readonly incident: I;
  /** Unset: people are not told. */
  readonly event?: IncidentEvent | undefined;
}

export interface Mute {
  readonly kind?: ConditionKind | undefined;
  /** `*` stands for any text. */
  readonly subject?: string | undefined;
  readonly untilMs: number;
}

export interface Moment {
  readonly nowMs: number;
  readonly mutes: readonly Mute[];
}

/** A change of columns that stays needs no message that it stayed. */
const QUIET_RECOVERY: ReadonlySet<ConditionKind> = new Set(['schema-drift']);
/** A condition that joins an open incident and asks for something new of people. */
const ALWAYS_TOLD: ReadonlySet<ConditionKind> = new Set(['suspended']);

const isSame = (a: ConditionKey, b: ConditionKey): boolean => a.kind === b.kind && a.subject === b.subject;

const matches = (pattern: string, subject: string): boolean => {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === subject;
  if (!subject.startsWith(first) || !subject.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = subject.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= subject.length - last.length;
};

/** Until when nobody is told of this; undefined where it isn't muted. */
export const mutedUntil = (key: ConditionKey, { nowMs, mutes }: Moment): number | undefined => {
  const ends = mutes
    .filter(
      (m) =>
        m.untilMs > nowMs &&
        (m.kind === undefined || m.kind === key.kind) &&
        (m.subject === undefined || matches(m.subject, key.subject)),
    )
    .map((m) => m.untilMs);
  return ends.length === 0 ? undefined : Math.max(...ends);
};

const worst = (conditions: readonly { readonly severity: Severity }[]): Severity =>
  conditions.some((c) => c.severity === 'error') ? 'error' : 'warn';

const held = (condition: Condition): HeldCondition => ({
  kind: condition.kind,
  subject: condition.subject,
  severity: condition.severity ?? 'error',
  summary: condition.summary ?? `${condition.kind} of ${condition.subject}`,
  ...(condition.cause === undefined ? {} : { cause: condition.cause }),
  ...(condition.affected === undefined ? {} : { affected: condition.affected }),
  ...(condition.observation === undefined ? {} : { observation: condition.observation }),
});

/**
 * The open incident that a condition belongs to: the one that has it, or else the one that it has its root cause in
 * common with, or that it has opened: of one condition there is never a second open incident, even while only others
 * keep the first one open.
 */
export const incidentOf = <I extends Incident>(
  open: readonly I[],
  condition: ConditionKey & { readonly cause?: ConditionKey | undefined },
): I | undefined => {
  const firing = open.filter((incident) => incident.state === 'firing');
  const find = (isMeant: (c: HeldCondition) => boolean): I | undefined =>
    firing.find((incident) => incident.conditions.some(isMeant));
  const { cause } = condition;
  return (
    find((c) => isSame(c, condition)) ??
    (cause === undefined ? undefined : find((c) => isSame(c, cause))) ??
    find((c) => c.cause !== undefined && isSame(c.cause, condition)) ??
    firing.find((incident) => isSame(incident, condition))
  );
};

/** Opens an incident. People are told, unless it is muted. */
export const openIncident = (condition: Condition, moment: Moment): Step<Incident> => {
  const first = held(condition);
  const muted = mutedUntil(condition, moment) !== undefined;
  const { runId, batchId, workflowId } = condition;
  const incident: Incident = {
    kind: first.kind,
    subject: first.subject,
    severity: first.severity,
    state: 'firing',
    summary: first.summary,
    affected: first.affected ?? [],
    conditions: [first],
    seen: 1,
    openedAtMs: moment.nowMs,
    lastSeenAtMs: moment.nowMs,
    acked: false,
    ...{ runId, batchId, workflowId },
    ...(muted ? {} : { toldAtMs: moment.nowMs }),
  };
  return muted ? { incident } : { incident, event: 'firing' };
};

/** The same incident, once people were told or not told of what happened to it. */
const told = <I extends Incident>(incident: I, moment: Moment, event: IncidentEvent | undefined): Step<I> => {
  const muted = mutedUntil(incident, moment) !== undefined;
  if (event === undefined || muted) return { incident };
  return { incident: { ...incident, toldAtMs: moment.nowMs }, event };
};

const seenAgain = <I extends Incident>(incident: I, condition: Condition, moment: Moment): Step<I> => {
  const now = held(condition);
  const before = incident.conditions.find((c) => isSame(c, now));
  if (before?.observation !== undefined && before.observation === now.observation) return { incident };
  const conditions = [...incident.conditions.filter((c) => !isSame(c, now)), now];
  const isFirst = isSame(incident, now);
  const { runId, batchId, workflowId } = condition;
  const changed: I = {
    ...incident,
    conditions,
    severity: worst(conditions),
    affected: [...new Set(conditions.flatMap((c) => c.affected ?? []))],
    lastSeenAtMs: moment.nowMs,
    ...(isFirst ? { summary: now.summary, seen: incident.seen + 1, runId, batchId, workflowId } : {}),
  };
  if (incident.toldAtMs === undefined) return told(changed, moment, 'firing');
  const isWorse = incident.severity === 'warn' && changed.severity === 'error';
  const isNews = before === undefined && ALWAYS_TOLD.has(now.kind);
  return told(changed, moment, isWorse || isNews ? 'escalated' : undefined);
};

const foundRight = <I extends Incident>(incident: I, key: ConditionKey, moment: Moment): Step<I> => {
  const conditions = incident.conditions.filter((c) => !isSame(c, key));
  if (conditions.length > 0)
    return { incident: { ...incident, conditions, lastSeenAtMs: moment.nowMs, severity: worst(conditions) } };
  const { nowMs } = moment;
  const resolved: I = { ...incident, state: 'resolved', conditions, resolvedAtMs: nowMs };
  const matters = incident.toldAtMs !== undefined && !QUIET_RECOVERY.has(incident.kind);
  return matters && mutedUntil(incident, moment) === undefined
    ? { incident: resolved, event: 'resolved' }
    : { incident: resolved };
};

/**
 * What an observation makes of the open incident that it belongs to: repeats count and tell nobody; what is worse than
 * before tells; the last condition found right resolves it, and tells those who were told of it.
 */
export const observe = <I extends Incident>(incident: I, condition: Condition, moment: Moment): Step<I> =>
  condition.state === 'ok' ? foundRight(incident, condition, moment) : seenAgain(incident, condition, moment);

/** What the mere passing of time makes of an open incident: a reminder, or the first message once a mute has ended. */
export const passTime = <I extends Incident>(
  incident: I,
  moment: Moment,
  remindAfterMs: number | undefined,
): Step<I> => {
  if (incident.state !== 'firing' || incident.acked) return { incident };
  if (incident.toldAtMs === undefined) return told(incident, moment, 'firing');
  const isDue = remindAfterMs !== undefined && moment.nowMs - incident.toldAtMs >= remindAfterMs;
  return told(incident, moment, isDue ? 'reminder' : undefined);
};

/** When time alone will next change something; undefined: never. */
export const lookAgainAt = (
  incident: Incident,
  moment: Moment,
  remindAfterMs: number | undefined,
): number | undefined => {
  if (incident.state !== 'firing' || incident.acked) return undefined;
  const muted = mutedUntil(incident, moment);
  if (incident.toldAtMs === undefined) return muted ?? moment.nowMs;
  if (remindAfterMs === undefined) return undefined;
  return Math.max(incident.toldAtMs + remindAfterMs, muted ?? 0);
};

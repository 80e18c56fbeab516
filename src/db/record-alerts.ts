import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { alertMessage, testMessage } from '../domain/alert-message';
import { liftedConditions } from '../domain/run-findings';
import { storable } from '../domain/storable';
import {
  type Incident,
  incidentOf,
  lookAgainAt,
  type Moment,
  observe,
  openIncident,
  passTime,
  type Step,
} from '../domain/incidents';
import type {
  Channel,
  Condition,
  ConditionKey,
  OpenIncident,
  RecordAlertsInput,
  RecordAlertsResult,
} from '../wire/alerts';
import { insertDelivery, pendingDeliveries, testDeliveries } from './alert-deliveries';
import { activeMutes, muteAlerts, unmuteAlerts } from './alert-mutes';
import {
  ackIncident,
  insertIncident,
  isOfResolvedIncident,
  lockOpenIncidents,
  type StoredIncident,
  updateIncident,
} from './incidents';
import { sql } from './sql';
import { liftedNodes } from './suspensions';
import { databaseUuid } from './warehouse';

const SHOWN_INCIDENTS = 50;
/** Messages that the alerter has in hand at once; the others' turn comes when these are done. */
const DELIVERIES_AT_ONCE = 50;

export interface RecordAlertsDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly channels: readonly Channel[];
  /** Unset: no reminders. */
  readonly remindAfterMs?: number | undefined;
  /** Unset: no heartbeat. */
  readonly heartbeatIntervalMs?: number | undefined;
}

/** One turn of the alerter within its transaction. */
class Turn {
  private readonly touched = new Map<string, StoredIncident>();

  constructor(
    private readonly db: CommonQueryMethods,
    private readonly deps: RecordAlertsDeps,
    private readonly moment: Moment,
    private open: readonly StoredIncident[],
  ) {}

  async observed(condition: Condition): Promise<void> {
    const { db, moment } = this;
    const incident = incidentOf(this.open, condition);
    if (incident) return this.take(incident, observe(incident, condition, moment));
    if (condition.state === 'ok') return;
    const { observation } = condition;
    if (observation !== undefined && (await isOfResolvedIncident(db, condition, observation))) return;
    const { incident: opened, event } = openIncident(condition, moment);
    const incidentId = await insertIncident(db, opened);
    await this.take({ ...opened, incidentId }, { incident: { ...opened, incidentId }, event });
  }

  async timePassed(): Promise<void> {
    for (const incident of this.open)
      await this.take(incident, passTime(incident, this.moment, this.deps.remindAfterMs));
  }

  /** Writes the incidents that have changed. */
  async end(): Promise<readonly StoredIncident[]> {
    for (const incident of this.touched.values()) await updateIncident(this.db, incident);
    return this.open.filter((incident) => incident.state === 'firing');
  }

  private async take(before: StoredIncident, { incident, event }: Step<StoredIncident>): Promise<void> {
    const { incidentId } = incident;
    if (incident !== before) this.touched.set(incidentId, incident);
    this.open = [...this.open.filter((i) => i.incidentId !== incidentId), incident];
    if (event === undefined) return;
    const { warehouse, channels } = this.deps;
    const message = alertMessage(incident, { event, warehouse, nowMs: this.moment.nowMs });
    for (const channel of channels) await insertDelivery(this.db, { incidentId, channel, message });
  }
}

const shown = (incident: Incident & { readonly incidentId: string }): OpenIncident => ({
  incidentId: incident.incidentId,
  kind: incident.kind,
  subject: incident.subject,
  severity: incident.severity,
  summary: incident.summary,
  seen: incident.seen,
  openedAt: new Date(incident.openedAtMs).toISOString(),
  acked: incident.acked,
});

const now = (db: CommonQueryMethods): Promise<number> =>
  db.oneFirst(sql.type(z.object({ now: z.number() }))`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as now
  `);

const suspendedSubjects = (conditions: readonly ConditionKey[]): string[] => [
  ...new Set(conditions.filter(({ kind }) => kind === 'suspended').map(({ subject }) => subject)),
];

const startTests = async (
  db: CommonQueryMethods,
  { warehouse, channels }: RecordAlertsDeps,
  tests: RecordAlertsInput['tests'],
): Promise<void> => {
  for (const { testId, channel: wanted } of tests)
    for (const channel of channels.filter((c) => wanted === undefined || c === wanted))
      await insertDelivery(db, { testId, channel, message: testMessage(warehouse) });
};

/**
 * One turn of the alerter: takes what was observed and what people did into the incidents, and enters the messages that
 * follow from it, in one transaction. A second call with the same changes nothing where observations have names.
 */
export const recordAlerts = (deps: RecordAlertsDeps, input: RecordAlertsInput): Promise<RecordAlertsResult> =>
  deps.pool.transaction(async (db) => {
    const { conditions, acks, mutes, unmutes, tests } = storable(input);
    const uuid = await databaseUuid(db);
    for (const ack of acks) await ackIncident(db, ack);
    for (const mute of mutes) await muteAlerts(db, mute);
    for (const unmute of unmutes) await unmuteAlerts(db, unmute);
    await startTests(db, deps, tests);
    const locked = await lockOpenIncidents(db);
    const moment: Moment = { nowMs: await now(db), mutes: (await activeMutes(db)).map(asMute) };
    const turn = new Turn(db, deps, moment, locked);
    const lifted = await liftedNodes(
      db,
      suspendedSubjects([...locked.flatMap((i) => i.conditions), ...conditions]),
    );
    const isLifted = ({ kind, subject, state }: Condition): boolean =>
      kind === 'suspended' && state === 'firing' && lifted.some(({ nodeId }) => nodeId === subject);
    for (const condition of liftedConditions(lifted, locked)) await turn.observed(condition);
    for (const condition of conditions)
      if ((condition.databaseUuid ?? uuid) === uuid && !isLifted(condition)) await turn.observed(condition);
    await turn.timePassed();
    const open = await turn.end();
    const looks = open.flatMap((incident) => lookAgainAt(incident, moment, deps.remindAfterMs) ?? []);
    const deliveries = await pendingDeliveries(db, DELIVERIES_AT_ONCE);
    const { heartbeatIntervalMs } = deps;
    return {
      open: open.slice(0, SHOWN_INCIDENTS).map(shown),
      openCount: open.length,
      deliveries,
      ...(deliveries.length < DELIVERIES_AT_ONCE ? {} : { moreDeliveries: true }),
      ...(looks.length === 0 ? {} : { nextLookInMs: Math.max(0, Math.min(...looks) - moment.nowMs) }),
      ...(heartbeatIntervalMs === undefined ? {} : { heartbeatIntervalMs }),
      tested: await Promise.all(
        tests.map(async ({ testId }) => ({ testId, deliveries: await testDeliveries(db, testId) })),
      ),
    };
  });

const asMute = ({ kind, subject, untilMs }: Awaited<ReturnType<typeof activeMutes>>[number]) => ({
  kind: kind ?? undefined,
  subject: subject ?? undefined,
  untilMs,
});

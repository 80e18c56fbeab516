import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { z } from 'zod/v4';
import {
  AckIncident,
  AlertInput,
  type AlertStatus,
  ConditionObserved,
  MuteAlerts,
  type RecordAlertsInput,
  type RecordAlertsResult,
  TestAlert,
  type TestedAlert,
  UnmuteAlerts,
} from '../wire/alerts';
import { alertWorkflowId, QUERY, SIGNAL, UPDATE } from '../wire/names';
import { recordAlerts } from './activity-options';
import { AlertDeliveries } from './alert-deliveries';
import { alertDetails } from './alert-details';
import { AlertHeartbeat } from './alert-heartbeat';
import { emptyTurn, halvesOf, isEmpty, isOfOneTurn, nextTurn } from './alert-turn';
import { failureReason } from './failure-reason';
import { obeySignal } from './obey-signal';
import { parseInput } from './parse-input';
import { thisWarehouse } from './this-warehouse';

/** A turn costs some ten events of at most 51,200. */
const TURNS_PER_EXECUTION = 500;
/** Heartbeats are no turns, but events: of more, a busy worker that has to replay them is late. */
const LONG_HISTORY = 1_000;
/** Far beyond what is usual: then it is not waited any more until nothing is due. An execution takes 10,000 signals. */
const MUCH_HISTORY = 8_000;
/** However soon it is to look again. */
const SHORTEST_WAIT_MS = 1_000;

const conditionObservedSignal = defineSignal<[unknown]>(SIGNAL.conditionObserved);
const ackIncidentSignal = defineSignal<[unknown]>(SIGNAL.ackIncident);
const muteAlertsSignal = defineSignal<[unknown]>(SIGNAL.muteAlerts);
const unmuteAlertsSignal = defineSignal<[unknown]>(SIGNAL.unmuteAlerts);
const reviewAlertsSignal = defineSignal(SIGNAL.reviewAlerts);
const testAlertUpdate = defineUpdate<TestedAlert, [unknown]>(UPDATE.testAlert);
const statusQuery = defineQuery<AlertStatus>(QUERY.status);

/**
 * The alerter of a warehouse: takes what others observe into incidents, and sees to it that people are told. What it
 * knows is in `ops`; it carries nothing but what it has not recorded yet.
 */
export async function alert(rawInput?: unknown): Promise<void> {
  const alerter = new Alerter(parseInput(AlertInput, rawInput ?? {}, 'input of workflow alert'));
  alerter.listen();
  await alerter.attend();
}

class Alerter {
  private readonly warehouse = thisWarehouse(alertWorkflowId(''));
  private waiting: RecordAlertsInput;
  /** Whether there is something to record or to look at; at the beginning there may be. */
  private isDue = true;
  private last: RecordAlertsResult | undefined;
  private turns = 0;
  private readonly deliveries = new AlertDeliveries({
    onRest: () => {
      if (this.last?.moreDeliveries === true) this.isDue = true;
    },
    onLeft: () => {
      this.isDue = true;
    },
  });
  private readonly heartbeat = new AlertHeartbeat(() => this.last?.heartbeatIntervalMs);
  private readonly tested = new Map<string, TestedAlert>();

  constructor(private readonly input: AlertInput) {
    const { conditions = [], acks = [], mutes = [], unmutes = [] } = input;
    this.waiting = { ...emptyTurn(), conditions, acks, mutes, unmutes };
  }

  listen(): void {
    setHandler(statusQuery, () => this.status());
    setHandler(conditionObservedSignal, (raw) =>
      this.onSignal(ConditionObserved, raw, (c) => this.waiting.conditions.push(...[c].flat())),
    );
    setHandler(ackIncidentSignal, (raw) =>
      this.onSignal(AckIncident, raw, (ack) => this.waiting.acks.push(ack)),
    );
    setHandler(muteAlertsSignal, (raw) =>
      this.onSignal(MuteAlerts, raw, (mute) => this.waiting.mutes.push(mute)),
    );
    setHandler(unmuteAlertsSignal, (raw) =>
      this.onSignal(UnmuteAlerts, raw, (unmute) => this.waiting.unmutes.push(unmute)),
    );
    setHandler(reviewAlertsSignal, () => {
      this.isDue = true;
    });
    setHandler(testAlertUpdate, (raw) => this.test(TestAlert.parse(raw ?? {})), {
      validator: (raw) => void parseInput(TestAlert, raw ?? {}, 'argument of update testAlert'),
    });
  }

  async attend(): Promise<void> {
    void this.heartbeat.beat();
    for (;;) {
      await this.untilReady();
      if (this.mayContinue()) await this.continueAsNew();
      await this.record();
    }
  }

  /** Until there is something to do, or it is time to look whether there is. */
  private async untilReady(): Promise<void> {
    const isReady = (): boolean => this.isDue || this.mayContinue();
    const nextLookInMs = this.last?.nextLookInMs;
    if (nextLookInMs === undefined) return condition(isReady);
    if (!(await condition(isReady, Math.max(SHORTEST_WAIT_MS, nextLookInMs)))) this.isDue = true;
  }

  private async record(): Promise<void> {
    const { taken, left } = nextTurn(this.waiting);
    this.waiting = left;
    this.isDue = left.conditions.length > 0;
    this.turns++;
    await this.recordAll(taken);
    if (this.isOverlong()) this.deliveries.hold();
    this.deliveries.take(this.last?.deliveries ?? []);
    setCurrentDetails(alertDetails(this.status()));
  }

  /** What can't be recorded is reported and left out; it takes nothing else with it. */
  private async recordAll(taken: RecordAlertsInput): Promise<void> {
    const summary = `${taken.conditions.length} observations`;
    try {
      this.last = await recordAlerts.executeWithOptions({ summary }, [taken]);
      for (const { testId, deliveries } of this.last.tested) this.tested.set(testId, { deliveries });
    } catch (error) {
      // Where nothing at all can be recorded, that ends the alerter.
      if (isCancellation(error) || isEmpty(taken)) throw error;
      const halves = halvesOf(taken);
      if (halves === undefined) {
        log.error('Something could not be recorded', { why: failureReason(error).message });
        for (const { testId } of taken.tests) this.tested.set(testId, { deliveries: [] });
      }
      for (const part of halves ?? [emptyTurn()]) await this.recordAll(part);
    }
  }

  private async test({ channel }: TestAlert): Promise<TestedAlert> {
    const testId = uuid4();
    this.waiting.tests.push({ testId, channel });
    this.isDue = true;
    await condition(() => this.tested.has(testId));
    return this.tested.get(testId) ?? { deliveries: [] };
  }

  private onSignal<T>(schema: z.ZodType<T>, raw: unknown, act: (signal: T) => void): void {
    if (obeySignal(schema, raw, act)) this.isDue = true;
  }

  /** Messages that wait for their next try are taken up again by who comes after. */
  private mayContinue(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    const isLong =
      this.turns >= this.turnsPerExecution || historyLength >= LONG_HISTORY || continueAsNewSuggested;
    const isBusy = this.deliveries.isSending || this.heartbeat.isPinging || !allHandlersFinished();
    if (!isLong || isBusy) return false;
    return !this.isDue || (this.isOverlong() && isOfOneTurn(this.waiting));
  }

  /** Something has been due at each of its chances to begin anew. */
  private isOverlong(): boolean {
    return this.turns >= 2 * this.turnsPerExecution || workflowInfo().historyLength >= MUCH_HISTORY;
  }

  private get turnsPerExecution(): number {
    return this.input.turnsPerExecution ?? TURNS_PER_EXECUTION;
  }

  /** Nothing is lost: what waits is carried over, and a signal that arrives meanwhile makes the server repeat this. */
  private async continueAsNew(): Promise<void> {
    const { tests: _tests, ...waiting } = this.waiting;
    const { turnsPerExecution } = this.input;
    await continueAsNew<typeof alert>({ ...waiting, ...(turnsPerExecution ? { turnsPerExecution } : {}) });
  }

  private status(): AlertStatus {
    return {
      warehouse: this.warehouse,
      open: this.last?.open ?? [],
      openCount: this.last?.openCount ?? 0,
      waiting: this.waiting.conditions.length,
      deliveries: this.deliveries.count,
      heartbeat: this.last?.heartbeatIntervalMs !== undefined,
    };
  }
}

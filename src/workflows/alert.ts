import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
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
import { alertDetails } from './alert-details';
import { obeySignal } from './obey-signal';
import { parseInput } from './parse-input';
import { thisWarehouse } from './this-warehouse';

/** A turn costs some ten events of at most 51,200. */
const TURNS_PER_EXECUTION = 500;

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
  private readonly tested = new Map<string, TestedAlert>();

  constructor(private readonly input: AlertInput) {
    const { conditions = [], acks = [], mutes = [], unmutes = [] } = input;
    this.waiting = { conditions, acks, mutes, unmutes, tests: [] };
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
    for (;;) {
      await condition(() => this.isDue);
      await this.record();
      if (this.isLong() && !this.isDue && allHandlersFinished()) await this.continueAsNew();
    }
  }

  private async record(): Promise<void> {
    const taken = this.waiting;
    this.waiting = { conditions: [], acks: [], mutes: [], unmutes: [], tests: [] };
    this.isDue = false;
    this.turns++;
    const summary = `${taken.conditions.length} observations`;
    this.last = await recordAlerts.executeWithOptions({ summary }, [taken]);
    for (const { testId, deliveries } of this.last.tested) this.tested.set(testId, { deliveries });
    setCurrentDetails(alertDetails(this.status()));
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

  private isLong(): boolean {
    const { turnsPerExecution = TURNS_PER_EXECUTION } = this.input;
    return this.turns >= turnsPerExecution || workflowInfo().continueAsNewSuggested;
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
      deliveries: this.last?.deliveries.length ?? 0,
      heartbeat: this.last?.heartbeatIntervalMs !== undefined,
    };
  }
}

import type { DatabasePool } from 'slonik';
import { recordAlerts } from '../db/record-alerts';
import type { Channel, Condition } from '../wire/alerts';
import { alertWorkflowId, SIGNAL, WORKFLOW } from '../wire/names';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { signalWithStart } from './signal-with-start';

export interface AlertActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly guard: Guard;
}

type AlertActivities = Pick<Activities, 'raiseAlerts' | 'recordAlerts'>;

const signalAlerter = (warehouse: string, conditions: readonly Condition[]): Promise<void> =>
  signalWithStart(
    {
      type: WORKFLOW.alert,
      workflowId: alertWorkflowId(warehouse),
      summary: `Alerter of warehouse ${warehouse}`,
    },
    {
      warehouse,
      signal: SIGNAL.conditionObserved,
      argument: conditions,
      problem: 'The alerter could not be told',
    },
  );

export const createAlertActivities = (deps: AlertActivityDeps): AlertActivities => {
  const { pool, warehouse, guard } = deps;
  // Incidents are recorded; nothing delivers messages yet, so that none are entered.
  const channels: readonly Channel[] = [];
  return {
    raiseAlerts: ({ conditions, databaseUuid }) =>
      guard(() =>
        signalAlerter(
          warehouse,
          conditions.map((c) => ({ ...c, ...(databaseUuid === undefined ? {} : { databaseUuid }) })),
        ),
      ),

    recordAlerts: (input) => guard(() => recordAlerts({ pool, warehouse, channels }, input)),
  };
};

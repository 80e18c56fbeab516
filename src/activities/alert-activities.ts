import { getClient } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { recordAlerts } from '../db/record-alerts';
import { StrataError } from '../domain/errors';
import type { Channel, Condition } from '../wire/alerts';
import { alertWorkflowId, SIGNAL, WORKFLOW } from '../wire/names';
import type { Activities } from './contract';
import type { Guard } from './guard';

export interface AlertActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly guard: Guard;
}

type AlertActivities = Pick<Activities, 'raiseAlerts' | 'recordAlerts'>;

const signalAlerter = async (warehouse: string, conditions: readonly Condition[]): Promise<void> => {
  try {
    await getClient().workflow.signalWithStart(WORKFLOW.alert, {
      workflowId: alertWorkflowId(warehouse),
      taskQueue: warehouse,
      args: [{}],
      signal: SIGNAL.conditionObserved,
      signalArgs: [conditions],
      staticSummary: `Alerter of warehouse ${warehouse}`,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StrataError('TEMPORAL_UNREACHABLE', `The alerter could not be told: ${why}`, { cause: error });
  }
};

export const createAlertActivities = (deps: AlertActivityDeps): AlertActivities => {
  const { pool, warehouse, guard } = deps;
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

import { getClient } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { hasOverdueDelivery } from '../db/alert-deliveries';
import { deliverAlert } from '../db/deliver-alert';
import { recordAlerts } from '../db/record-alerts';
import { createNotifier, type Notifier, type NotifyOptions } from '../notify';
import type { Logger } from '../observability/logger';
import { tellAlerter } from '../temporal/signal-alerter';
import type { Activities } from './contract';
import type { Guard } from './guard';

/** What a worker knows of who is told, and how. */
export interface AlertOptions extends NotifyOptions {
  readonly tries: number;
  readonly retryIntervalMs: number;
  readonly remindAfterMs?: number | undefined;
  readonly heartbeatIntervalMs: number;
}

export interface AlertActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly alerts: AlertOptions;
  readonly logger: Logger;
  readonly guard: Guard;
}

type AlertActivities = Pick<Activities, 'raiseAlerts' | 'recordAlerts' | 'deliverAlert' | 'pingHeartbeat'>;

/** A message that is due for so long is not going to be sent: then an outside monitor is to notice. */
const OVERDUE_MS = 600_000;

/** Whether it got out. */
const ping = async (
  { pool, logger }: AlertActivityDeps,
  notifier: Notifier,
  signal: AbortSignal,
): Promise<boolean> => {
  if (notifier.ping === undefined) return false;
  if (await hasOverdueDelivery(pool, OVERDUE_MS)) {
    logger.error('no heartbeat: messages are due, and nobody sends them');
    return false;
  }
  const outcome = await notifier.ping(signal);
  if (!outcome.sent) logger.warn({ why: outcome.why }, 'the heartbeat did not get out');
  return outcome.sent;
};

export const createAlertActivities = (deps: AlertActivityDeps): AlertActivities => {
  const { pool, warehouse, guard, alerts } = deps;
  const notifier = createNotifier(alerts);
  const { channels } = notifier;
  const { tries, retryIntervalMs, remindAfterMs } = alerts;
  const heartbeat = notifier.ping === undefined ? {} : { heartbeatIntervalMs: alerts.heartbeatIntervalMs };
  return {
    raiseAlerts: ({ conditions, databaseUuid }) =>
      guard(() =>
        tellAlerter(
          getClient(),
          warehouse,
          conditions.map((c) => ({ ...c, ...(databaseUuid === undefined ? {} : { databaseUuid }) })),
        ),
      ),

    recordAlerts: (input) =>
      guard(() => recordAlerts({ pool, warehouse, channels, remindAfterMs, ...heartbeat }, input)),

    deliverAlert: ({ deliveryId }) =>
      guard((signal) =>
        deliverAlert(
          { pool, tries, retryIntervalMs, send: (channel, letter) => notifier.send(channel, letter, signal) },
          deliveryId,
        ),
      ),

    pingHeartbeat: () => guard(async (signal) => ({ pinged: await ping(deps, notifier, signal) })),
  };
};

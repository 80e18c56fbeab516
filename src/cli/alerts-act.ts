/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { countOf } from '../domain/count-of';
import { parseMutePattern } from '../domain/mute-pattern';
import type { CommandContext, CommonOptions } from './context';
import { EXIT_FAILED } from './describe-error';
import { actorOf } from './dlq-options';
import { reviewAlerter } from './review-alerter';
import { withDatabase } from './session';

export interface AlertsActOptions extends CommonOptions {
  readonly reason?: string;
}

export interface AlertsAckOptions extends AlertsActOptions {
  readonly ids: readonly string[];
}

/** `strata alerts ack` */
export const alertsAckCommand = (
  context: CommandContext,
  { ids, reason }: AlertsAckOptions,
): Promise<number> =>
  withDatabase(context, { role: 'alerts ack', as: 'transformer' }, async ({ pool, config }) => {
    const { ackIncident } = require('../db/incidents') as typeof import('../db/incidents');
    const { output } = context;
    const acked: string[] = [];
    for (const incidentId of ids)
      if (await ackIncident(pool, { incidentId, actor: actorOf(config), reason })) acked.push(incidentId);
    output.document({ acked });
    output.line(`${countOf(acked.length, 'incident')} acknowledged`);
    const strangers = ids.filter((id) => !acked.includes(id));
    if (strangers.length > 0) output.note(`not open: ${strangers.join(', ')}`);
    return acked.length > 0 ? 0 : EXIT_FAILED;
  });

/** `strata alerts resend` */
export const alertsResendCommand = (
  context: CommandContext,
  { ids }: CommonOptions & { readonly ids: readonly string[] },
): Promise<number> =>
  withDatabase(context, { role: 'alerts resend', as: 'transformer' }, async (session) => {
    const { resendDeliveries } = require('../db/alert-deliveries') as typeof import('../db/alert-deliveries');
    const { output } = context;
    const resent = await resendDeliveries(session.pool, ids);
    if (resent.length > 0) await reviewAlerter(context, session);
    output.document({ resent });
    output.line(`${countOf(resent.length, 'message')} to be sent again; see strata alerts list`);
    const strangers = ids.filter((id) => !resent.includes(id));
    if (strangers.length > 0) output.note(`not failed: ${strangers.join(', ')}`);
    return resent.length > 0 ? 0 : EXIT_FAILED;
  });

export interface AlertsMuteOptions extends AlertsActOptions {
  readonly pattern: string;
  /** Seconds. */
  readonly for?: number;
  readonly until?: string;
}

/** `strata alerts mute` */
export const alertsMuteCommand = (
  context: CommandContext,
  { pattern, for: seconds, until, reason }: AlertsMuteOptions,
): Promise<number> =>
  withDatabase(context, { role: 'alerts mute', as: 'transformer' }, async ({ pool, config }) => {
    const { muteAlerts } = require('../db/alert-mutes') as typeof import('../db/alert-mutes');
    const { output } = context;
    const scope = parseMutePattern(pattern);
    await muteAlerts(pool, { ...scope, seconds, until, actor: actorOf(config), reason });
    output.document({ muted: scope });
    output.line(`${pattern} is muted: incidents are recorded, and nobody is told of them`);
    return 0;
  });

/** `strata alerts unmute` */
export const alertsUnmuteCommand = (
  context: CommandContext,
  { pattern }: CommonOptions & { readonly pattern: string },
): Promise<number> =>
  withDatabase(context, { role: 'alerts unmute', as: 'transformer' }, async (session) => {
    const { unmuteAlerts } = require('../db/alert-mutes') as typeof import('../db/alert-mutes');
    const { output } = context;
    const ended = await unmuteAlerts(session.pool, parseMutePattern(pattern));
    if (ended > 0) await reviewAlerter(context, session);
    output.document({ ended });
    output.line(`${countOf(ended, 'mute')} ended`);
    return ended > 0 ? 0 : EXIT_FAILED;
  });

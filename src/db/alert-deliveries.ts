import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';
import type { AlertMessage } from '../domain/alert-message';
import { type Channel, CHANNELS, type PendingDelivery } from '../wire/alerts';

const ChannelText = z.enum(CHANNELS);

export interface NewDelivery {
  /** Unset: a test. */
  readonly incidentId?: string | undefined;
  readonly testId?: string | undefined;
  readonly channel: Channel;
  readonly message: AlertMessage;
}

/** Enters a message that is to be sent; a test that is there already stays as it is. */
export const insertDelivery = async (db: CommonQueryMethods, delivery: NewDelivery): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    insert into ops.alert_delivery (incident_id, event, channel, test_id, message)
    values (
      ${delivery.incidentId ?? null}::bigint, ${delivery.message.event}, ${delivery.channel},
      ${delivery.testId ?? null}, ${JSON.stringify(delivery.message)}::jsonb
    )
    on conflict (test_id, channel) do nothing
  `);
};

const PendingRow = z.object({ deliveryId: z.string(), channel: ChannelText, inMs: z.number() });

/** Of each incident and channel the message that is next; a test waits for nothing. */
export const pendingDeliveries = async (
  db: CommonQueryMethods,
  limit: number,
): Promise<PendingDelivery[]> => [
  ...(await db.any(sql.type(PendingRow)`
    select
      d.delivery_id as "deliveryId",
      d.channel,
      greatest(0, ceil(extract(epoch from d.next_try_at - clock_timestamp()) * 1000))::float8 as "inMs"
    from ops.alert_delivery as d
    where
      d.state = 'pending'
      and not exists (
        select from ops.alert_delivery as e
        where
          e.state = 'pending' and e.incident_id = d.incident_id and e.channel = d.channel
          and e.delivery_id < d.delivery_id
      )
    order by d.next_try_at, d.delivery_id
    limit ${limit}
  `)),
];

const TestedRow = z.object({ deliveryId: z.string(), channel: ChannelText });

/** The messages of a test. */
export const testDeliveries = async (
  db: CommonQueryMethods,
  testId: string,
): Promise<z.infer<typeof TestedRow>[]> => [
  ...(await db.any(sql.type(TestedRow)`
    select delivery_id as "deliveryId", channel from ops.alert_delivery where test_id = ${testId} order by delivery_id
  `)),
];

import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';
import { storable } from '../domain/storable';
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
      ${delivery.testId ?? null}, ${JSON.stringify(storable(delivery.message))}::jsonb
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

const DueRow = PendingRow.extend({
  incidentId: z.string().nullable(),
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.number(),
  key: z.string(),
  message: z.record(z.any()),
});

/** A message, and what became of it. */
export type StoredDelivery = Omit<z.infer<typeof DueRow>, 'message'> & { readonly message: AlertMessage };

/** A message by its id; undefined where there is none: the database is another one. */
export const readDelivery = async (
  db: CommonQueryMethods,
  deliveryId: string,
): Promise<StoredDelivery | undefined> => {
  const row = await db.maybeOne(sql.type(DueRow)`
    select
      delivery_id as "deliveryId",
      incident_id as "incidentId",
      channel,
      state,
      tries,
      idempotency_key as key,
      message,
      greatest(0, ceil(extract(epoch from next_try_at - clock_timestamp()) * 1000))::float8 as "inMs"
    from ops.alert_delivery
    where delivery_id = ${deliveryId}::bigint
  `);
  return row === null ? undefined : { ...row, message: row.message as unknown as AlertMessage };
};

export interface EndedTry {
  readonly state: StoredDelivery['state'];
  /** Why it failed. */
  readonly error?: string | undefined;
  /** Of one that is to be tried again. */
  readonly againInMs: number;
}

/** Records a try, once: of two that were made of the same state the first one counts. */
export const recordTry = async (
  db: CommonQueryMethods,
  { deliveryId, tries }: Pick<StoredDelivery, 'deliveryId' | 'tries'>,
  { state, error, againInMs }: EndedTry,
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.alert_delivery
    set
      tries = tries + 1,
      state = ${state},
      last_error = coalesce(${error ?? null}, last_error),
      next_try_at = clock_timestamp() + make_interval(secs => ${againInMs / 1_000}::float8),
      finished_at = case when ${state} = 'pending' then null else clock_timestamp() end
    where delivery_id = ${deliveryId}::bigint and state = 'pending' and tries = ${tries}
  `);
};

/** Lets messages that were given up be tried anew, under their keys; returns which these are. */
export const resendDeliveries = async (
  db: CommonQueryMethods,
  deliveryIds: readonly string[],
): Promise<readonly string[]> =>
  db.anyFirst(sql.type(z.object({ deliveryId: z.string() }))`
    update ops.alert_delivery
    set state = 'pending', tries = 0, next_try_at = clock_timestamp(), finished_at = null
    where delivery_id = any(${sql.array([...deliveryIds], 'int8')}) and state = 'failed'
    returning delivery_id as "deliveryId"
  `);

/** What is to be sent next by the channel about the incident of a message: the same again, or what waited for it. */
export const nextDelivery = async (
  db: CommonQueryMethods,
  { deliveryId, incidentId, channel }: Pick<StoredDelivery, 'deliveryId' | 'incidentId' | 'channel'>,
): Promise<PendingDelivery | undefined> =>
  (await db.maybeOne(sql.type(PendingRow)`
    select
      delivery_id as "deliveryId",
      channel,
      greatest(0, ceil(extract(epoch from next_try_at - clock_timestamp()) * 1000))::float8 as "inMs"
    from ops.alert_delivery
    where
      state = 'pending' and channel = ${channel}
      and (delivery_id = ${deliveryId}::bigint or incident_id = ${incidentId}::bigint)
    order by delivery_id
    limit 1
  `)) ?? undefined;

/** Whether a message has been due for so long that nobody can be sending it. */
export const hasOverdueDelivery = (db: CommonQueryMethods, overdueMs: number): Promise<boolean> =>
  db.oneFirst(sql.type(z.object({ exists: z.boolean() }))`
    select exists (
      select from ops.alert_delivery
      where state = 'pending' and next_try_at < clock_timestamp() - make_interval(secs => ${overdueMs / 1_000}::float8)
    ) as exists
  `);

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

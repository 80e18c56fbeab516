import type { DatabasePool } from 'slonik';
import type { AlertMessage } from '../domain/alert-message';
import type { Channel, DeliverAlertResult } from '../wire/alerts';
import { nextDelivery, readDelivery, recordTry, type StoredDelivery } from './alert-deliveries';

/** What a try came to, as the sender says. */
export type TryOutcome =
  | { readonly sent: true; readonly why?: string | undefined }
  | {
      readonly sent: false;
      readonly why: string;
      readonly final: boolean;
      readonly notBeforeMs?: number | undefined;
    };

export interface DeliverAlertDeps {
  readonly pool: DatabasePool;
  readonly send: (channel: Channel, letter: { key: string; message: AlertMessage }) => Promise<TryOutcome>;
  /** Until a message is given up. */
  readonly tries: number;
  readonly retryIntervalMs: number;
}

/** Whoever asks for a test waits for its answer. */
const triesOf = ({ message }: StoredDelivery, tries: number): number =>
  message.event === 'test' ? 1 : tries;

/**
 * One try of one message: sent outside of any transaction, then recorded. One that has come to its end is not sent
 * again, nor one whose time has not come. Who dies between the two leaves it to be sent again, with the same key: at
 * least once.
 */
export const deliverAlert = async (
  { pool, send, tries, retryIntervalMs }: DeliverAlertDeps,
  deliveryId: string,
): Promise<DeliverAlertResult> => {
  const delivery = await readDelivery(pool, deliveryId);
  if (delivery === undefined) return { state: 'failed' };
  const { channel, key, message } = delivery;
  if (delivery.state === 'pending' && delivery.inMs === 0) {
    const outcome = await send(channel, { key, message });
    if (outcome.sent)
      await recordTry(pool, delivery, { state: 'delivered', error: outcome.why, againInMs: 0 });
    else {
      const isLast = outcome.final || delivery.tries + 1 >= triesOf(delivery, tries);
      await recordTry(pool, delivery, {
        state: isLast ? 'failed' : 'pending',
        error: outcome.why,
        againInMs: isLast ? 0 : Math.max(retryIntervalMs, outcome.notBeforeMs ?? 0),
      });
    }
  }
  const state = (await readDelivery(pool, deliveryId))?.state ?? 'failed';
  const next = await nextDelivery(pool, delivery);
  return { state, ...(next === undefined ? {} : { next }) };
};

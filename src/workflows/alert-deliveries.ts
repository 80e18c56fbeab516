import { log, sleep } from '@temporalio/workflow';
import type { PendingDelivery } from '../wire/alerts';
import { deliverAlert } from './activity-options';
import { failureReason } from './failure-reason';

/**
 * Sends messages beside the taking in of what is observed: each on its own, so that a receiver that hangs holds up
 * nobody else. What is in hand is in `ops`, too: whoever comes after takes it from there.
 */
export class AlertDeliveries {
  private readonly inHand = new Set<string>();
  private sending = 0;
  private isHeld = false;

  /** `onRest` hears when nothing is in hand any more. */
  constructor(private readonly onRest: () => void) {}

  get count(): number {
    return this.inHand.size;
  }

  /** Whether one is being sent now, and not only waited for. */
  get isSending(): boolean {
    return this.sending > 0;
  }

  /** Begins no further try: what is in hand is left to who comes after. */
  hold(): void {
    this.isHeld = true;
  }

  take(pending: readonly PendingDelivery[]): void {
    for (const delivery of pending) void this.deliver(delivery);
  }

  /** Tries it, and what is to be tried after it, until that comes to its end. Never throws. */
  private async deliver(first: PendingDelivery): Promise<void> {
    let next: PendingDelivery | undefined = first;
    try {
      while (next !== undefined && !this.inHand.has(next.deliveryId)) next = await this.tryOnce(next);
    } catch (error) {
      log.error('A message was left to the next turn', { why: failureReason(error).message });
    }
    if (this.inHand.size === 0) this.onRest();
  }

  private async tryOnce({
    deliveryId,
    channel,
    inMs,
  }: PendingDelivery): Promise<PendingDelivery | undefined> {
    this.inHand.add(deliveryId);
    try {
      if (inMs > 0) await sleep(inMs);
      if (this.isHeld) return undefined;
      this.sending++;
      try {
        const summary = `message ${deliveryId} by ${channel}`;
        return (await deliverAlert.executeWithOptions({ summary }, [{ deliveryId }])).next;
      } finally {
        this.sending--;
      }
    } finally {
      this.inHand.delete(deliveryId);
    }
  }
}

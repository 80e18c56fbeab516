import { isCancellation, log, patched, sleep } from '@temporalio/workflow';
import type { PendingDelivery } from '../wire/alerts';
import { deliverAlert } from './activity-options';
import { failureReason } from './failure-reason';

/** Patch: what began before it was scheduled has no timer in its history. */
const LEFT_MESSAGES = 'left-messages';
/** What failed in a way nobody foresaw is left for so long at first, then for twice as long, up to a minute. */
const FIRST_LEFT_FOR_MS = 1_000;
const MAX_LEFT_FOR_MS = 60_000;

/**
 * Sends messages beside the taking in of what is observed: each on its own, so that a receiver that hangs holds up
 * nobody else. What is in hand is in `ops`, too: whoever comes after takes it from there.
 */
export class AlertDeliveries {
  private readonly inHand = new Set<string>();
  private sending = 0;
  private isHeld = false;
  private isAnyLeft = false;
  private leftForMs = FIRST_LEFT_FOR_MS;

  /** `onRest` hears when nothing is in hand any more; `onLeft`, a while after a message was left to the next turn. */
  constructor(private readonly hears: { readonly onRest: () => void; readonly onLeft: () => void }) {}

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
      if (isCancellation(error)) return;
      log.error('A message was left to the next turn', { why: failureReason(error).message });
      if (patched(LEFT_MESSAGES)) void this.tellOfLeft();
    }
    if (this.inHand.size === 0) this.hears.onRest();
  }

  /** Without this the next turn might be a day away. Once for all that are left meanwhile. */
  private async tellOfLeft(): Promise<void> {
    if (this.isAnyLeft) return;
    this.isAnyLeft = true;
    try {
      await sleep(this.leftForMs);
    } catch {
      return;
    }
    this.isAnyLeft = false;
    this.leftForMs = Math.min(2 * this.leftForMs, MAX_LEFT_FOR_MS);
    this.hears.onLeft();
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
        const { next } = await deliverAlert.executeWithOptions({ summary }, [{ deliveryId }]);
        this.leftForMs = FIRST_LEFT_FOR_MS;
        return next;
      } finally {
        this.sending--;
      }
    } finally {
      this.inHand.delete(deliveryId);
    }
  }
}

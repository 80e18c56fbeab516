import { condition, isCancellation, log } from '@temporalio/workflow';
import { pingHeartbeat } from './activity-options';
import { failureReason } from './failure-reason';

/**
 * Tells an outside monitor that the alerter lives: from here, so that it goes quiet when the workflow stands still, no
 * worker serves it, the database doesn't answer, or nothing gets out.
 */
export class AlertHeartbeat {
  private pinging = false;

  /** `intervalMs`: undefined while none is configured. */
  constructor(private readonly intervalMs: () => number | undefined) {}

  get isPinging(): boolean {
    return this.pinging;
  }

  /** As long as the workflow lives. */
  async beat(): Promise<void> {
    try {
      for (;;) {
        await condition(() => this.intervalMs() !== undefined);
        await this.ping();
        const intervalMs = this.intervalMs();
        if (intervalMs !== undefined) await condition(() => this.intervalMs() !== intervalMs, intervalMs);
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
  }

  private async ping(): Promise<void> {
    this.pinging = true;
    try {
      await pingHeartbeat({});
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('No heartbeat was sent', { why: failureReason(error).message });
    } finally {
      this.pinging = false;
    }
  }
}

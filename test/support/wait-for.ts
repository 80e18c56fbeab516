import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** What is waited for, for the message. */
  readonly what?: string;
}

/**
 * Asks until the answer is neither false nor undefined nor null, and returns it. An error of `condition` counts as
 * "not yet". @throws when the time is over, with the last error as the cause.
 */
export const waitFor = async <T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 25, what = 'the condition' }: WaitOptions = {},
): Promise<Exclude<T, false | undefined | null>> => {
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer !== false && answer !== undefined && answer !== null)
        return answer as Exclude<T, false | undefined | null>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= deadline)
      throw new Error(`${what} did not come true within ${timeoutMs} ms`, { cause });
    await sleep(intervalMs);
  }
};

import { log } from '@temporalio/workflow';
import type { z } from 'zod/v4';

/**
 * Does what a signal asks for; one that can't be read is reported, not obeyed: it must not end who listens. Returns
 * whether it was obeyed.
 */
export const obeySignal = <T>(schema: z.ZodType<T>, raw: unknown, act: (signal: T) => void): boolean => {
  const parsed = schema.safeParse(raw ?? undefined);
  if (parsed.success) act(parsed.data);
  else log.warn('A signal was ignored: its input is invalid', { problems: parsed.error.message });
  return parsed.success;
};

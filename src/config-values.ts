import { z } from 'zod/v4';

/** Forms of values that several variables have. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, { error: 'must be a whole number', abort: true })
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be between ${min} and ${max}`);

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export const durationMs = z.string().transform((text, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text.trim());
  const unit = UNIT_MS[match?.[2] ?? 's'];
  if (match?.[1] !== undefined && unit !== undefined) return Math.round(Number(match[1]) * unit);
  context.addIssue('must be seconds or a duration such as 500ms, 60s or 5m');
  return z.NEVER;
});

export const hosts = z.string().transform((text) =>
  text
    .split(/[\s,]+/)
    .filter((host) => host !== '')
    .map((host) => host.toLowerCase()),
);

export const hostAndPort = z.string().regex(/^(?:[\w.-]+|\[[\da-f:]+\]):\d{1,5}$/i, 'must be host:port');

import { z } from 'zod/v4';
import { durationMs, wholeNumber } from './config-values';
import type { NotifyOptions } from './notify';

/** Who is told when something is wrong, and how. */
export interface AlertConfig extends NotifyOptions {
  /** Until a message is given up. */
  readonly tries: number;
  readonly retryIntervalMs: number;
  /** Undefined: no reminders. */
  readonly remindAfterMs?: number | undefined;
  readonly heartbeatIntervalMs: number;
}

const MAX_TIMEOUT_MS = 60_000;
const DAY_MS = 86_400_000;

const httpUrl = z
  .string()
  .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), 'must be an http(s) URL');
const smtpUrl = z
  .string()
  .refine(
    (text) => /^smtps?:\/\/[^?#]/.test(text) && URL.canParse(text),
    'must be an smtp:// or smtps:// URL',
  );

/** `ops@example.com`, or `Ops <ops@example.com>`. */
const ADDRESS = /^(?:[^<>@,;\r\n]*<[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/;
const address = z.string().trim().regex(ADDRESS, 'must be a mail address');
const addresses = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .refine(
    (all) => all.length > 0 && all.every((one) => ADDRESS.test(one)),
    'must be mail addresses, separated by commas',
  );

const span = (minMs: number, maxMs: number) =>
  durationMs.refine(
    (ms) => ms >= minMs && ms <= maxMs,
    `must be ${minMs / 1_000} to ${maxMs / 1_000} seconds`,
  );

export const alertVariables = {
  STRATA_ALERT_WEBHOOK_URL: httpUrl.optional(),
  STRATA_ALERT_SLACK_URL: httpUrl.optional(),
  STRATA_SMTP_URL: smtpUrl.optional(),
  STRATA_ALERT_EMAIL_FROM: address.optional(),
  STRATA_ALERT_EMAIL_TO: addresses.optional(),
  STRATA_ALERT_TRIES: wholeNumber(1, 100).optional(),
  STRATA_ALERT_RETRY_INTERVAL: span(0, DAY_MS).optional(),
  STRATA_ALERT_TIMEOUT: span(10, MAX_TIMEOUT_MS).optional(),
  STRATA_ALERT_REMIND_AFTER: span(1_000, 366 * DAY_MS).optional(),
  STRATA_ALERT_HEARTBEAT_URL: httpUrl.optional(),
  STRATA_ALERT_HEARTBEAT_INTERVAL: span(1_000, DAY_MS).optional(),
};

type Given = z.infer<z.ZodObject<typeof alertVariables>>;

const MAIL = ['STRATA_SMTP_URL', 'STRATA_ALERT_EMAIL_FROM', 'STRATA_ALERT_EMAIL_TO'] as const;

/** What is wrong with the variables together. */
export const alertProblems = (given: Given): string[] => {
  const missing = MAIL.filter((name) => given[name] === undefined);
  return missing.length === 0 || missing.length === MAIL.length
    ? []
    : [`${missing.join(' and ')} must be set too: mails need a server, a sender and receivers`];
};

export const alertConfig = (given: Given): AlertConfig => {
  const { STRATA_SMTP_URL: smtp, STRATA_ALERT_EMAIL_FROM: from, STRATA_ALERT_EMAIL_TO: to } = given;
  const hasMail = smtp !== undefined && from !== undefined && to !== undefined;
  return {
    webhookUrl: given.STRATA_ALERT_WEBHOOK_URL,
    slackUrl: given.STRATA_ALERT_SLACK_URL,
    ...(hasMail ? { email: { smtpUrl: smtp, from, to } } : {}),
    heartbeatUrl: given.STRATA_ALERT_HEARTBEAT_URL,
    timeoutMs: given.STRATA_ALERT_TIMEOUT ?? 10_000,
    tries: given.STRATA_ALERT_TRIES ?? 3,
    retryIntervalMs: given.STRATA_ALERT_RETRY_INTERVAL ?? 60_000,
    remindAfterMs: given.STRATA_ALERT_REMIND_AFTER,
    heartbeatIntervalMs: given.STRATA_ALERT_HEARTBEAT_INTERVAL ?? 300_000,
  };
};

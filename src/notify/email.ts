import type { Transporter } from 'nodemailer';
import { countOf } from '../domain/count-of';
import { mailOf } from '../domain/alert-formats';
import type { AlertMessage } from '../domain/alert-message';
import { codeBehind, type Letter, type Send, type SendOutcome } from './send-outcome';

export interface EmailOptions {
  /** smtp:// or smtps://, with a user and a password where one is needed. */
  readonly smtpUrl: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly timeoutMs: number;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A password is sent by TLS only, but for a server on this host, or where `?requireTLS=false` says so. */
export const needsTls = (smtpUrl: string): boolean => {
  const { protocol, username, hostname } = new URL(smtpUrl);
  return protocol === 'smtp:' && username !== '' && !LOOPBACK.has(hostname);
};

const createTransporter = ({ smtpUrl, timeoutMs }: EmailOptions): Transporter => {
  // Loaded here: most workers send no mail.
  // prettier-ignore
  const { createTransport } = require('nodemailer') as typeof import('nodemailer'); // eslint-disable-line @typescript-eslint/no-require-imports
  const url = new URL(smtpUrl);
  if (needsTls(smtpUrl) && !url.searchParams.has('requireTLS')) url.searchParams.set('requireTLS', 'true');
  return createTransport({
    url: url.href,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
};

interface SmtpProblem {
  readonly code?: unknown;
  readonly responseCode?: unknown;
  readonly command?: unknown;
}

/** A server may let us wait at connecting, at its greeting and at the end; one that always says a little must end too. */
const STEPS = 3;

const noAnswer = (timeoutMs: number): SendOutcome => ({
  sent: false,
  final: false,
  why: `no answer within ${timeoutMs / 1_000} s`,
});

/** What the server said is left out: it may name addresses. */
const problemOf = (error: unknown, timeoutMs: number): SendOutcome => {
  const { code, responseCode, command } = (error ?? {}) as SmtpProblem;
  if (typeof responseCode === 'number') {
    const at = typeof command === 'string' && /^[A-Z ]{2,20}$/.test(command) ? ` at ${command}` : '';
    // 503: commands in a wrong order, which a new connection may put right.
    const final = responseCode >= 500 && responseCode !== 503;
    return { sent: false, final, why: `SMTP ${responseCode}${at}` };
  }
  if (code === 'ETIMEDOUT') return noAnswer(timeoutMs);
  // A wrong address or setting of ours: the same at the next try.
  const final = code === 'EENVELOPE' || code === 'ECONFIG' || code === 'ENOAUTH';
  return { sent: false, final, why: codeBehind(error) };
};

/** Who was refused keeps the message from nobody else, and is not tried again: the others would get it twice. */
const refusedOf = (rejected: readonly unknown[], to: readonly string[]): { why?: string } =>
  rejected.length === 0 ? {} : { why: `${rejected.length} of ${countOf(to.length, 'receiver')} refused` };

const domainOf = (from: string): string => /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'strata.invalid';

/** Mails of an incident are one conversation in the reader's program. */
const threadOf = ({ incident, warehouse }: AlertMessage, domain: string): object => {
  if (incident === undefined) return {};
  const id = `<incident-${incident.id}.${warehouse.replaceAll(/[^\w.-]/g, '_')}@${domain}>`;
  return { references: id, inReplyTo: id };
};

/** A channel that is a mail by SMTP; `Message-ID` is the same with each try. */
export const sendMail = (options: EmailOptions): Send => {
  const { from, to, timeoutMs } = options;
  const domain = domainOf(from);
  return async ({ key, message }: Letter, signal) => {
    const transporter = createTransporter(options);
    const timeout = AbortSignal.timeout(timeoutMs * STEPS);
    try {
      const { rejected } = (await transporter.sendMail({
        from,
        to: [...to],
        ...mailOf(message),
        ...threadOf(message, domain),
        messageId: `<${key}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Strata-Event': message.event },
        signal: AbortSignal.any([signal, timeout]),
      })) as { rejected?: readonly unknown[] };
      return { sent: true, ...refusedOf(rejected ?? [], to) };
    } catch (error) {
      signal.throwIfAborted();
      return timeout.aborted ? noAnswer(timeoutMs * STEPS) : problemOf(error, timeoutMs);
    } finally {
      transporter.close();
    }
  };
};

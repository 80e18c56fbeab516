import { slackDocument, webhookDocument } from '../domain/alert-formats';
import { type Channel, CHANNELS } from '../wire/alerts';
import { sendMail } from './email';
import { httpRequest } from './http-request';
import { postJson } from './post-json';
import type { Send, SendOutcome } from './send-outcome';

export type { Letter, SendOutcome } from './send-outcome';

/** Where messages go. The addresses are secrets: they are used, and never shown. */
export interface NotifyOptions {
  readonly webhookUrl?: string | undefined;
  readonly slackUrl?: string | undefined;
  readonly email?:
    { readonly smtpUrl: string; readonly from: string; readonly to: readonly string[] } | undefined;
  readonly heartbeatUrl?: string | undefined;
  readonly timeoutMs: number;
}

export interface Notifier {
  /** Those that are configured. */
  readonly channels: readonly Channel[];
  /** Sends a message once. A channel that isn't configured is a failure that may pass: another worker may have it. */
  send(channel: Channel, ...letter: Parameters<Send>): Promise<SendOutcome>;
  /** Tells an outside monitor that the alerter lives; undefined where none is configured. */
  readonly ping?: ((signal: AbortSignal) => Promise<SendOutcome>) | undefined;
}

const sendersOf = ({
  webhookUrl,
  slackUrl,
  email,
  timeoutMs,
}: NotifyOptions): Partial<Record<Channel, Send>> => ({
  ...(webhookUrl === undefined
    ? {}
    : {
        webhook: postJson({
          url: webhookUrl,
          timeoutMs,
          document: ({ key, message }) => webhookDocument(key, message),
        }),
      }),
  ...(slackUrl === undefined
    ? {}
    : { slack: postJson({ url: slackUrl, timeoutMs, document: ({ message }) => slackDocument(message) }) }),
  ...(email === undefined ? {} : { email: sendMail({ ...email, timeoutMs }) }),
});

export const createNotifier = (options: NotifyOptions): Notifier => {
  const senders = sendersOf(options);
  const { heartbeatUrl, timeoutMs } = options;
  return {
    channels: CHANNELS.filter((channel) => senders[channel] !== undefined),
    send: async (channel, ...letter) =>
      senders[channel]?.(...letter) ?? { sent: false, final: false, why: 'not configured on this worker' },
    ...(heartbeatUrl === undefined
      ? {}
      : { ping: (signal) => httpRequest({ method: 'GET', url: heartbeatUrl, timeoutMs }, signal) }),
  };
};

import { countOf } from './count-of';
import type { AlertMessage } from './alert-message';

// A message in the form of each channel. Pure; none of them holds a row or a secret.

/** What the webhook receives. Fields are added, never changed: `version` would tell. */
export const webhookDocument = (
  key: string,
  message: AlertMessage,
): AlertMessage & { version: 1; id: string } => ({
  version: 1,
  id: key,
  ...message,
});

const SIGN: Readonly<Record<AlertMessage['event'], string>> = {
  firing: '🔴',
  escalated: '🔺',
  reminder: '⏰',
  resolved: '✅',
  test: '🔔',
};

const signOf = ({ event, severity }: AlertMessage): string =>
  event === 'firing' && severity === 'warn' ? '🟡' : SIGN[event];

const NAMED = 20;

/** What can't go on, in words; nothing where nothing is held up. */
const heldUp = ({ affected, event }: AlertMessage): string[] => {
  if (affected.length === 0 || event === 'resolved') return [];
  const more = affected.length - NAMED;
  const names = [...affected.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])];
  return [`Held up by it (${countOf(affected.length, 'model')}): ${names.join(', ')}`];
};

/** Ids to look for in the tables and in Temporal. */
const idsOf = ({ incident, runId, batchId, workflowId }: AlertMessage): string[] => {
  const named = [
    ['incident', incident?.id],
    ['run', runId],
    ['batch', batchId],
    ['workflow', workflowId],
  ].flatMap(([name, id]) => (id === undefined ? [] : [`${name} ${id}`]));
  return named.length === 0 ? [] : [named.join(' · ')];
};

const wayOn = ({ incident, event }: AlertMessage): string[] =>
  incident === undefined || event === 'resolved'
    ? []
    : [`strata alerts ack ${incident.id} · strata alerts mute ${incident.kind}:${incident.subject} --for 1h`];

/** Slack takes 3,000 characters in a block. */
const SLACK_BLOCK = 2_900;

/** Slack's three characters; nothing of a message becomes a link, a mention or a style of its own. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const block = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: text.slice(0, SLACK_BLOCK), verbatim: true },
});

/** As Slack's incoming webhooks take it. */
export const slackDocument = (message: AlertMessage) => {
  const title = `${signOf(message)} *${escaped(message.title)}*`;
  const small = [...idsOf(message), ...wayOn(message)].map(escaped);
  // Slack refuses an empty block.
  const body = [message.summary, ...heldUp(message)].filter((line) => line.trim() !== '').map(escaped);
  return {
    // Of notifications, and of readers that know no blocks.
    text: `${signOf(message)} ${escaped(message.title)} (${escaped(message.warehouse)})`.slice(
      0,
      SLACK_BLOCK,
    ),
    blocks: [
      block(`${title}\nwarehouse ${escaped(message.warehouse)} · ${message.severity}`),
      ...(body.length === 0 ? [] : [block(body.join('\n'))]),
      ...(small.length === 0
        ? []
        : [
            {
              type: 'context',
              elements: [{ type: 'mrkdwn', text: small.join('\n').slice(0, SLACK_BLOCK), verbatim: true }],
            },
          ]),
    ],
  };
};

const MAX_SUBJECT = 200;

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** As plain text; the subject begins with the warehouse, to filter by. */
export const mailOf = (message: AlertMessage): Mail => {
  const { warehouse, title, severity, event, incident } = message;
  const since = incident === undefined ? [] : [`since ${incident.openedAt}`];
  return {
    subject: `[strata ${warehouse}] ${title}`.replaceAll(/\s+/g, ' ').slice(0, MAX_SUBJECT),
    text: [
      title,
      [severity, event, ...since].join(', '),
      '',
      message.summary,
      ...heldUp(message).flatMap((line) => ['', line]),
      '',
      ...idsOf(message),
      ...wayOn(message),
      '',
    ].join('\n'),
  };
};

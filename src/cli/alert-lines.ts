import type { ListedIncident, ListedMessage } from '../db/alert-list';
import type { MuteRow } from '../db/alert-mutes';
import { mutePatternText } from '../domain/mute-pattern';
import { shortened, singleLine } from './single-line';
import { tableLines } from './table';

const SUMMARY_CHARACTERS = 100;

const timeText = (iso: string): string => iso.slice(0, 19).replace('T', ' ');

const noteOf = ({ state, resolvedAt, ackedBy, ackedAt, toldAt }: ListedIncident): string => {
  if (state === 'resolved') return `over ${timeText(resolvedAt ?? '')}`;
  if (ackedAt !== null) return `acknowledged by ${ackedBy ?? 'somebody'}`;
  return toldAt === null ? 'muted' : '';
};

export const incidentLines = (incidents: readonly ListedIncident[]): string[] =>
  incidents.length === 0
    ? []
    : tableLines(
        ['id', 'since', 'kind', 'subject', 'severity', 'seen', 'note', 'what'],
        incidents.map((i) => [
          ...[
            i.incidentId,
            timeText(i.openedAt),
            i.kind,
            singleLine(i.subject),
            i.severity,
            i.seen,
            noteOf(i),
          ],
          shortened(i.summary, SUMMARY_CHARACTERS),
        ]),
      );

export const messageLines = (messages: readonly ListedMessage[]): string[] =>
  messages.length === 0
    ? []
    : tableLines(
        ['message', 'of incident', 'event', 'channel', 'state', 'tries', 'why'],
        messages.map((m) => [
          ...[m.deliveryId, m.incidentId ?? 'test', m.event, m.channel],
          ...[m.state === 'pending' && m.tries > 0 ? 'tried again' : m.state, m.tries, m.error],
        ]),
      );

export const muteLines = (mutes: readonly MuteRow[]): string[] =>
  mutes.length === 0
    ? []
    : tableLines(
        ['muted', 'until', 'by', 'reason'],
        mutes.map((m) => [
          singleLine(mutePatternText(m)),
          timeText(m.until),
          m.actor,
          singleLine(m.reason ?? ''),
        ]),
      );

import type { AlertStatus } from '../wire/alerts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The open incidents as Markdown, for Temporal's Web UI. */
export const alertDetails = ({ open, openCount }: AlertStatus): string => {
  if (openCount === 0) return 'No incident is open';
  const rows = open.map(
    (i) => `| ${[i.incidentId, i.kind, cell(i.subject), i.severity, i.seen, cell(i.summary)].join(' | ')} |`,
  );
  const head = '| id | kind | subject | severity | seen | |\n| --- | --- | --- | --- | ---: | --- |';
  return `${openCount} open\n\n${head}\n${rows.join('\n')}`;
};

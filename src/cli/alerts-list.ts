/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { incidentLines, messageLines, muteLines } from './alert-lines';
import type { CommandContext, CommonOptions } from './context';
import { withDatabase } from './session';

export interface AlertsListOptions extends CommonOptions {
  readonly all?: boolean;
  readonly limit: number;
}

const MESSAGE_DAYS = 7;

const section = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);

/** `strata alerts list` */
export const alertsListCommand = (
  context: CommandContext,
  { all = false, limit }: AlertsListOptions,
): Promise<number> =>
  withDatabase(context, { role: 'alerts list', as: 'reader' }, async ({ pool }) => {
    const db = require('../db/alert-list') as typeof import('../db/alert-list');
    const { activeMutes } = require('../db/alert-mutes') as typeof import('../db/alert-mutes');
    const { output } = context;
    const [incidents, undelivered, mutes] = await Promise.all([
      db.listIncidents(pool, { all, limit }),
      db.undeliveredMessages(pool, { days: MESSAGE_DAYS, limit }),
      activeMutes(pool),
    ]);
    output.document({ incidents, undelivered, mutes: mutes.map(({ untilMs: _, ...mute }) => mute) });
    if (output.json) return 0;
    const lines = incidentLines(incidents);
    for (const line of lines.length > 0 ? lines : [all ? 'no incidents' : 'no incident is open'])
      output.line(line);
    for (const line of [...section(messageLines(undelivered)), ...section(muteLines(mutes))])
      output.line(line);
    return 0;
  });

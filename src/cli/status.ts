/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import type { CommandContext } from './context';
import { type DatabaseSession, withDatabase } from './session';
import { type StatusReport, statusLines } from './status-lines';

const SHOWN_RUNS = 10;
const SHOWN_BATCHES = 10;
/** Files of a dataset that its lag is taken from. */
const LAG_FILES = 20;
const SHOWN_INCIDENTS = 20;
const MESSAGE_DAYS = 7;

const readStatus = async ({ pool, warehouse, databaseUuid }: DatabaseSession): Promise<StatusReport> => {
  const db = require('../db/status') as typeof import('../db/status');
  const { suspendedNodes } = require('../db/suspensions') as typeof import('../db/suspensions');
  const alerts = require('../db/alert-list') as typeof import('../db/alert-list');
  const { newestFreshness } = require('../db/freshness-results') as typeof import('../db/freshness-results');
  const [
    runs,
    suspended,
    batches,
    freshness,
    checks,
    deadLetters,
    lag,
    unread,
    fileToMart,
    incidents,
    undelivered,
  ] = await Promise.all([
    db.recentRuns(pool, SHOWN_RUNS),
    suspendedNodes(pool),
    db.recentBatches(pool, SHOWN_BATCHES),
    db.datasetFreshness(pool),
    newestFreshness(pool),
    db.deadLetterCounts(pool),
    db.consumptionLag(pool),
    db.unreadDatasets(pool),
    db.fileToMart(pool, LAG_FILES),
    alerts.listIncidents(pool, { all: false, limit: SHOWN_INCIDENTS }),
    alerts.undeliveredMessages(pool, { days: MESSAGE_DAYS, limit: SHOWN_INCIDENTS }),
  ]);
  const found = { runs, suspended, batches, freshness, checks, deadLetters, lag, unread, fileToMart };
  return { warehouse, databaseUuid, ...found, incidents, undelivered };
};

/** `strata status` */
export const statusCommand = (context: CommandContext): Promise<number> =>
  withDatabase(context, { role: 'status', as: 'reader' }, async (session) => {
    const report = await readStatus(session);
    if (context.output.json) context.output.document(report);
    else for (const line of statusLines(report)) context.output.line(line);
    return 0;
  });

import type { Activities } from '../../src/activities/contract';
import { type ActivityDeps, createActivities } from '../../src/activities';

/** What of a round makes each activity run; an activity without a line here would never meet a fault. */
const MADE_TO_RUN_BY: Readonly<Record<keyof Activities, string>> = {
  acceptBatch: 'every file',
  loadFile: 'every file',
  publishBatch: 'every file',
  failBatch: 'a file that lacks a column',
  notifyPipeline: 'every file that is published',
  planRun: 'every run',
  runNode: 'every run',
  verifyNode: 'a verification',
  requestReplay: 'a replay of dead letters, some of which were mended',
  loadReplay: 'the same',
  publishReplay: 'the same',
  failReplay: 'a replay with a project that is not there',
  finishRun: 'every run',

  raiseAlerts: 'a file that lacks a column',
  recordAlerts: 'the same',
  deliverAlert: 'a test of the channels',
  pingHeartbeat: 'the alerter, every few seconds',
  checkFreshness: 'a check of freshness',
  endAbandoned: 'maintenance',
  sweepLeftovers: 'the same',
  trimHistories: 'the same',
  analyzeTables: 'the same',
  archiveNext: 'months of facts that are past their retention, and come back for late rows',
  scanInbox: 'a look at the inbox, with a file in it',
  settleInboxFile: 'the same',
  describeWorker: 'a coordinator that is new, because the one before was terminated when nothing ran',
  resumeNodes: 'somebody resumes a node that is suspended',
  requestScheduledRun: 'a run for a schedule',
  runState: 'the same',
};

/** The activities that a worker has. @throws when a round would not make one of them run. */
export const activityNames = (): string[] => {
  // Making them does nothing yet: they are only asked for their names.
  const names = Object.keys(createActivities({ projectDir: '', alerts: {} } as ActivityDeps));
  const unknown = names.filter((name) => !(name in MADE_TO_RUN_BY));
  if (unknown.length > 0)
    throw new Error(`Nothing in test/chaos makes activities run: ${unknown.join(', ')}`);
  return names;
};

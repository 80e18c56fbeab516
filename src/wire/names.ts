/**
 * Names that other processes, shells and stored histories know strata by. They are a wire format:
 * NEVER RENAME one; add a new one and keep the old.
 */

export const WORKFLOW = {
  ingest: 'ingest',
  transform: 'transform',
  pipeline: 'pipeline',
  verify: 'verify',
  replayDeadLetters: 'replayDeadLetters',
  alert: 'alert',
  freshness: 'freshness',
  inbox: 'inbox',
  maintenance: 'maintenance',
  scheduledRun: 'scheduledRun',
  archivePartitions: 'archivePartitions',
} as const;

export const SIGNAL = {
  batchLoaded: 'batchLoaded',
  fullRefresh: 'fullRefresh',
  pause: 'pause',
  resume: 'resume',
  /** To `pipeline`: stop the run that is running, or one by its number; one that waits is dropped. */
  cancelRun: 'cancelRun',
  /** To `alert`: something was looked at, and found wrong or right. */
  conditionObserved: 'conditionObserved',
  ackIncident: 'ackIncident',
  muteAlerts: 'muteAlerts',
  unmuteAlerts: 'unmuteAlerts',
  /** To `alert`: the settings or the deliveries are others now. */
  reviewAlerts: 'reviewAlerts',
} as const;

export const UPDATE = {
  /** On `ingest`: answers with the batch id as soon as the ledger has accepted the file. */
  accepted: 'accepted',
  /** On `pipeline`: asks for a run (or for the one that covers given batches); answers once it has started. */
  requestRun: 'requestRun',
  /** On `pipeline`: as signal `cancelRun`; refused where there is no such run, answers once it has ended. */
  requestCancel: 'requestCancel',
  /** On `pipeline`: lets suspended nodes run again; answers with those that were suspended. */
  resumeNodes: 'resumeNodes',
  /** On `alert`: sends a test message; answers with its deliveries. */
  testAlert: 'testAlert',
} as const;

export const QUERY = {
  status: 'status',
  /** Of `pipeline`: the runs to come; of `transform` and `verify`: the nodes of the run, in their order. */
  plan: 'plan',
} as const;

/** Custom search attributes (all Keyword), registered where permitted. */
export const SEARCH_ATTRIBUTE = {
  warehouse: 'StrataWarehouse',
  dataset: 'StrataDataset',
  batchId: 'StrataBatchId',
  state: 'StrataState',
} as const;

export const DEFAULT_WAREHOUSE = 'strata';

/** The coordinator of a warehouse: one long-lived workflow. */
export const pipelineWorkflowId = (warehouse: string): string => `${warehouse}/pipeline`;

/** Where the activities that touch a file of one host wait for a worker of that host. */
export const hostTaskQueue = (warehouse: string, host: string): string => `${warehouse}@${host}`;

/** One look at the inbox that a command asked for. */
export const inboxWorkflowId = (warehouse: string): string => `${warehouse}/inbox`;

/** A schedule, and what the ids of the workflows that it starts begin with. */
export const scheduleId = (warehouse: string, name: string): string => `${warehouse}/schedule/${name}`;

/** What is past its retention goes to the archive: one at a time. */
export const archiveWorkflowId = (warehouse: string): string => `${warehouse}/archive`;

/** The alerter of a warehouse: one long-lived workflow. */
export const alertWorkflowId = (warehouse: string): string => `${warehouse}/alert`;

/** One run of the models; `number` counts the runs of one coordinator. */
export const transformWorkflowId = (warehouse: string, number: number): string =>
  `${warehouse}/transform/${number}`;

/** `fileKey` is a digest of path, size and modification time: a duplicate start joins the running load. */
export const ingestWorkflowId = (warehouse: string, dataset: string, fileKey: string): string =>
  `${warehouse}/ingest/${dataset}/${fileKey}`;

/** A replay of dead letters that a command asked for. */
export const replayWorkflowId = (warehouse: string, replayId: string): string =>
  `${warehouse}/replay/${replayId}`;

/** What the coordinator knows a replay by, among the ids of batches. */
export const replayBatchId = (replayId: string): string => `replay-${replayId}`;

import type { ArchiveNextInput, ArchiveNextResult } from '../wire/archive';
import type {
  DeliverAlertInput,
  DeliverAlertResult,
  PingHeartbeatResult,
  RaiseAlertsInput,
  RecordAlertsInput,
  RecordAlertsResult,
} from '../wire/alerts';
import type { CheckFreshnessInput, CheckFreshnessResult } from '../wire/freshness';
import type {
  ScanInboxInput,
  ScanInboxResult,
  SettleInboxFileInput,
  SettleInboxFileResult,
} from '../wire/inbox';
import type {
  AcceptBatchInput,
  AcceptBatchResult,
  FailBatchInput,
  LoadFileInput,
  LoadFileResult,
  NotifyPipelineInput,
  PublishBatchInput,
  PublishBatchResult,
} from '../wire/ingest';
import type {
  AnalyzeTablesInput,
  AnalyzeTablesResult,
  EndAbandonedInput,
  EndAbandonedResult,
  SweepLeftoversResult,
  TrimHistoriesResult,
} from '../wire/maintenance';
import type { DescribeWorkerResult, ResumeNodes, ResumeNodesResult, StartedRun } from '../wire/pipeline';
import type {
  FailReplayInput,
  ReplayResult,
  ReplayStepInput,
  RequestReplayInput,
  RequestReplayResult,
} from '../wire/replay';
import type {
  RequestScheduledRunInput,
  RequestScheduledRunResult,
  RunStateResult,
} from '../wire/scheduled-run';
import type {
  FinishRunInput,
  FinishRunResult,
  NodeResult,
  PlanRunResult,
  RunNodeInput,
  TransformInput,
} from '../wire/transform';

/** The activity types, by their names on the wire: NEVER RENAME one. Each may run twice and then equals running once. */
export interface Activities {
  /** Registers the file in the ledger; once per workflow run. */
  acceptBatch(input: AcceptBatchInput): Promise<AcceptBatchResult>;
  /** Reads, checks and copies the file; a retry goes on from the last committed chunk. */
  loadFile(input: LoadFileInput): Promise<LoadFileResult>;
  /** Makes the rows visible in one small transaction, or finds the content known or the file too bad. */
  publishBatch(input: PublishBatchInput): Promise<PublishBatchResult>;
  /** Records that the batch failed, and sweeps its rows. */
  failBatch(input: FailBatchInput): Promise<void>;
  /** What is ready in the worker's inbox, and which dataset each file is for. */
  scanInbox(input: ScanInboxInput): Promise<ScanInboxResult>;
  /** Moves a file of the inbox away, with a report beside it. */
  settleInboxFile(input: SettleInboxFileInput): Promise<SettleInboxFileResult>;
  /** Tells the warehouse's coordinator of a published batch; starts the coordinator where there is none. */
  notifyPipeline(input: NotifyPipelineInput): Promise<void>;
  /** Compiles where needed, records the run and says which nodes it has, in topological order. */
  planRun(input: TransformInput): Promise<PlanRunResult>;
  /** One try of one node; its effect is one transaction. */
  runNode(input: RunNodeInput): Promise<NodeResult>;
  /** One try of comparing one node's relation with its rebuilt shadow; a difference is a result, no failure. */
  verifyNode(input: RunNodeInput): Promise<NodeResult>;
  /** Records how the run and its nodes ended, and suspends what failed too often; says what there is to tell. */
  finishRun(input: FinishRunInput): Promise<FinishRunResult | void>;
  /** Enters a replay of dead letters and pins its letters; or finds the one that a command has entered. */
  requestReplay(input: RequestReplayInput): Promise<RequestReplayResult>;
  /** Checks the letters and writes the rows that pass, unseen; one transaction. */
  loadReplay(input: ReplayStepInput): Promise<void>;
  /** Makes the rows visible and settles the letters, in one transaction. */
  publishReplay(input: ReplayStepInput): Promise<ReplayResult>;
  /** Records that the replay failed, and removes its rows. */
  failReplay(input: FailReplayInput): Promise<void>;
  /** What the coordinator has to know of where it runs. */
  describeWorker(): Promise<DescribeWorkerResult>;
  /** Lets suspended nodes run again. */
  resumeNodes(input: NonNullable<ResumeNodes>): Promise<ResumeNodesResult>;
  /** Tells the warehouse's alerter what was observed; starts the alerter where there is none. */
  raiseAlerts(input: RaiseAlertsInput): Promise<void>;
  /** Takes what was observed, and what people did, into the incidents; one transaction. */
  recordAlerts(input: RecordAlertsInput): Promise<RecordAlertsResult>;
  /** One try of a message, which is sent at least once; says what is to be tried next. */
  deliverAlert(input: DeliverAlertInput): Promise<DeliverAlertResult>;
  /** Tells an outside monitor that alerts can be delivered; a failure is logged. */
  pingHeartbeat(input: Record<string, never>): Promise<PingHeartbeatResult>;
  /** Judges the freshness of sources from the ledger, and records it; once per workflow run. */
  checkFreshness(input: CheckFreshnessInput): Promise<CheckFreshnessResult>;
  /** Asks the coordinator for a run, once per workflow run; answers when that has started. */
  requestScheduledRun(input: RequestScheduledRunInput): Promise<RequestScheduledRunResult>;
  /** Whether a run goes on, or how it ended. */
  runState(input: StartedRun): Promise<RunStateResult>;
  /** Ends batches, replays or runs whose workflow is closed, a page of them; what goes on is left alone. */
  endAbandoned(input: EndAbandonedInput): Promise<EndAbandonedResult>;
  /** Drops the shadows of verifications that have ended, and what feeds keep for models that are no more. */
  sweepLeftovers(): Promise<SweepLeftoversResult>;
  /** Removes some of the results that are older than the retention. */
  trimHistories(): Promise<TrimHistoriesResult>;
  /** Takes the statistics of tables anew, where they are out of date. */
  analyzeTables(input?: AnalyzeTablesInput): Promise<AnalyzeTablesResult>;
  /** Archives the next partition that is past its retention; goes on where a try before it was killed. */
  archiveNext(input: ArchiveNextInput): Promise<ArchiveNextResult>;
}

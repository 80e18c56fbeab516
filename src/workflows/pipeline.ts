import {
  allHandlersFinished,
  type ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { z } from 'zod/v4';
import { pipelineWorkflowId, QUERY, SIGNAL, UPDATE } from '../wire/names';
import {
  BatchLoaded,
  type CancelledRun,
  CancelRun,
  FullRefresh,
  PipelineInput,
  type PipelinePlan,
  type PipelineStatus,
  ResumeNodes,
  type ResumeNodesResult,
  RunRequest,
  type StartedRun,
} from '../wire/pipeline';
import { describeWorker, resumeNodes } from './activity-options';
import { obeySignal } from './obey-signal';
import { catalogueFailure, parseInput } from './parse-input';
import { pipelineDetails, pipelineState } from './pipeline-details';
import { pipelinePlan } from './pipeline-plan';
import { runChild } from './run-child';
import type { RunEntry } from './run-entry';
import { RunQueue } from './run-queue';
import { setSearchAttributes } from './search-attributes';
import { thisWarehouse } from './this-warehouse';

/** A run costs some 15 events of at most 51,200: far below, and the history stays readable in the Web UI. */
const RUNS_PER_EXECUTION = 100;
/** From here on the coordinator no longer waits for callers to be answered before it continues as new. */
const HISTORY_LIMIT = 20_000;

const batchLoadedSignal = defineSignal<[unknown]>(SIGNAL.batchLoaded);
const fullRefreshSignal = defineSignal<[unknown]>(SIGNAL.fullRefresh);
const pauseSignal = defineSignal(SIGNAL.pause);
const resumeSignal = defineSignal(SIGNAL.resume);
const cancelRunSignal = defineSignal<[unknown]>(SIGNAL.cancelRun);
const requestRunUpdate = defineUpdate<StartedRun, [unknown]>(UPDATE.requestRun);
const requestCancelUpdate = defineUpdate<CancelledRun, [unknown]>(UPDATE.requestCancel);
const resumeNodesUpdate = defineUpdate<ResumeNodesResult, [unknown]>(UPDATE.resumeNodes);
const statusQuery = defineQuery<PipelineStatus>(QUERY.status);
const planQuery = defineQuery<PipelinePlan>(QUERY.plan);

/**
 * The coordinator of a warehouse, which is named as its task queue: runs the models one run at a time, as batches
 * arrive and callers ask. A run that fails does not stop it; a batch that arrives during a run waits for the next one.
 */
export async function pipeline(rawInput?: unknown): Promise<void> {
  const input = parseInput(PipelineInput, rawInput ?? {}, 'input of workflow pipeline');
  const coordinator = new Coordinator(input);
  coordinator.listen();
  await coordinator.coordinate();
}

class Coordinator {
  private readonly warehouse = thisWarehouse(pipelineWorkflowId(''));
  /** Patch: an execution that began before runs had priorities keeps to the order of their coming. */
  private readonly byPriority = patched('runs-by-priority');
  private readonly runs: RunQueue;
  private readonly runsPerExecution: number;
  private runsDone = 0;
  /** Callers that still wait are told to ask again. */
  private renewing = false;
  private current: CancellationScope | undefined;
  private searchAttributes: boolean | undefined;
  private shownState: string | undefined;

  constructor(private readonly input: PipelineInput) {
    this.runs = new RunQueue(input);
    this.searchAttributes = input.searchAttributes;
    this.runsPerExecution = input.runsPerExecution ?? RUNS_PER_EXECUTION;
  }

  listen(): void {
    setHandler(statusQuery, () => this.runs.status(this.warehouse));
    setHandler(batchLoadedSignal, (raw) => this.onSignal(BatchLoaded, raw, (s) => this.batchLoaded(s)));
    setHandler(fullRefreshSignal, (raw) => this.onSignal(FullRefresh, raw, (s) => this.fullRefresh(s)));
    setHandler(pauseSignal, () => this.setPaused(true));
    setHandler(resumeSignal, () => this.setPaused(false));
    setHandler(cancelRunSignal, (raw) => this.onSignal(CancelRun, raw, (s) => void this.cancelRun(s)));
    setHandler(planQuery, () => pipelinePlan(this.warehouse, this.runs, this.byPriority));
    setHandler(requestCancelUpdate, (raw) => this.requestCancel(CancelRun.parse(raw ?? undefined)), {
      validator: (raw) => this.checkCancel(raw),
    });
    setHandler(resumeNodesUpdate, (raw) => resumeNodes(ResumeNodes.parse(raw ?? undefined) ?? {}), {
      validator: (raw) => void parseInput(ResumeNodes, raw ?? undefined, 'argument of update resumeNodes'),
    });
    setHandler(requestRunUpdate, (raw) => this.requestRun(RunRequest.parse(raw)), {
      validator: (raw) => void parseInput(RunRequest, raw, 'argument of update requestRun'),
    });
  }

  async coordinate(): Promise<void> {
    if (this.byPriority && this.searchAttributes === undefined) void this.learnSearchAttributes();
    this.show();
    for (;;) {
      await condition(() => this.runs.hasWork || this.canContinueAsNew());
      if (this.isDue()) await this.continueAsNewWhenPossible();
      const entry = this.runs.takeNext(this.byPriority);
      if (entry !== undefined) await this.run(entry);
    }
  }

  private async run(entry: RunEntry): Promise<void> {
    const scope = new CancellationScope();
    this.current = scope;
    const state = await scope.run(() =>
      runChild(this.warehouse, entry, this.runs, () => {
        this.show();
      }),
    );
    this.current = undefined;
    this.runsDone++;
    this.runs.markEnded(entry, state);
    this.show();
  }

  private onSignal<T>(schema: z.ZodType<T>, raw: unknown, act: (signal: T) => void): void {
    obeySignal(schema, raw, act);
    this.show();
  }

  private batchLoaded({ batchId, planHash, databaseUuid, priority }: BatchLoaded): void {
    this.observeDatabase(databaseUuid);
    this.runs.enqueue(
      {
        command: 'run',
        ...(planHash === undefined ? {} : { planHash }),
        ...(priority === undefined ? {} : { priority }),
      },
      [batchId],
    );
  }

  private fullRefresh(request: FullRefresh): void {
    const { databaseUuid, ...selection } = request ?? {};
    this.observeDatabase(databaseUuid);
    this.runs.enqueue({ command: 'run', fullRefresh: true, ...selection }, []);
  }

  private async requestRun({
    transform,
    batchIds = [],
    databaseUuid,
    requestId,
  }: RunRequest): Promise<StartedRun> {
    this.observeDatabase(databaseUuid);
    const entry =
      this.runs.requestedBefore(requestId) ??
      this.runs.covering(transform, batchIds) ??
      this.runs.enqueue(transform, batchIds, requestId);
    this.show();
    await condition(() => entry.started !== undefined || entry.dropped !== undefined || this.renewing);
    if (entry.started !== undefined) return entry.started;
    throw this.whyNotStarted(entry);
  }

  private whyNotStarted(entry: RunEntry): ApplicationFailure {
    switch (entry.dropped) {
      case 'database-replaced':
        return catalogueFailure('DATABASE_REPLACED', 'The run was dropped: its database is another one now');
      case 'cancelled':
        return catalogueFailure('RUN_CANCELLED', `Run ${entry.number} was cancelled before it started`);
      case 'not-started':
        return catalogueFailure('RUN_FAILED', `Run ${entry.number} could not be started`);
      case undefined:
        return catalogueFailure('COORDINATOR_RENEWED', 'The run is queued, the answer was cut short');
    }
  }

  /** Cancels a run that is running, with its activities and what they run in the database; drops one that waits. */
  private cancelRun(request: CancelRun): RunEntry | undefined {
    const entry = this.runs.find(request?.number);
    if (entry === undefined) {
      log.warn('There is no such run to cancel', { number: request?.number });
      return undefined;
    }
    const isRunning = entry === this.runs.running;
    this.runs.drop(entry);
    if (isRunning) this.current?.cancel();
    this.show();
    return entry;
  }

  private checkCancel(raw: unknown): void {
    const request = parseInput(CancelRun, raw ?? undefined, 'argument of update requestCancel');
    if (this.runs.find(request?.number) !== undefined) return;
    const what =
      request?.number === undefined ? 'No run is running' : `Run ${request.number} neither runs nor waits`;
    throw catalogueFailure('RUN_UNKNOWN', what);
  }

  private async requestCancel(request: CancelRun): Promise<CancelledRun> {
    const entry = this.cancelRun(request);
    if (entry === undefined) throw catalogueFailure('RUN_UNKNOWN', 'The run has ended');
    await condition(() => entry.ended !== undefined || entry.dropped !== undefined);
    const { number, started, ended = 'dropped' } = entry;
    return { number, ...(started === undefined ? {} : { workflowId: started.workflowId }), state: ended };
  }

  private async learnSearchAttributes(): Promise<void> {
    try {
      this.searchAttributes = (await describeWorker()).searchAttributes;
      this.show();
    } catch (error) {
      log.warn('Search attributes are not set', { why: String(error) });
    }
  }

  /** Work on a database that is no more can only fail: it is cancelled. */
  private observeDatabase(databaseUuid: string | undefined): void {
    if (this.runs.observeDatabase(databaseUuid)) this.current?.cancel();
  }

  private setPaused(paused: boolean): void {
    this.runs.paused = paused;
    this.show();
  }

  private isDue(): boolean {
    return this.runsDone >= this.runsPerExecution || workflowInfo().continueAsNewSuggested;
  }

  private canContinueAsNew(): boolean {
    return this.isDue() && (allHandlersFinished() || workflowInfo().historyLength > HISTORY_LIMIT);
  }

  /**
   * Nothing is lost: what waits is carried over, signals that came in are in the queue already, and one that arrives
   * meanwhile makes the server repeat this step. While callers wait for a run, that run goes first.
   */
  private async continueAsNewWhenPossible(): Promise<void> {
    if (!this.canContinueAsNew()) return;
    this.renewing = true;
    await condition(allHandlersFinished);
    const { runsPerExecution } = this.input;
    const { searchAttributes } = this;
    await continueAsNew<typeof pipeline>({ ...this.runs.carryOver(), searchAttributes, runsPerExecution });
  }

  private show(): void {
    const status = this.runs.status(this.warehouse);
    setCurrentDetails(pipelineDetails(status));
    const state = pipelineState(status);
    if (this.searchAttributes !== true || state === this.shownState) return;
    this.shownState = state;
    setSearchAttributes({ warehouse: this.warehouse, state });
  }
}

import type { FinishedRun, PipelineInput, PipelineStatus, QueuedRun, StartedRun } from '../wire/pipeline';
import type { TransformInput } from '../wire/transform';
import { meaningOf, mergedSettings, type RunEntry, takeTurn } from './run-entry';

/** Runs that are remembered, so that who asks for a batch is told the run that covered it. */
const REMEMBERED_RUNS = 50;
/** Of one run: who asks again does so soon. */
const REMEMBERED_REQUESTS = 20;
/** Of one run: a history's payload is limited, and a batch that is forgotten only costs a run that finds nothing to do. */
const REMEMBERED_BATCHES = 5_000;

const united = (a: readonly string[], b: readonly string[]): string[] =>
  [...new Set([...a, ...b])].slice(-REMEMBERED_BATCHES);

const requestsOf = (requestIds: string[] | undefined) => (requestIds === undefined ? {} : { requestIds });

/** The coordinator's memory: what waits, what runs, what ran. Plain data and rules; knows nothing of Temporal. */
export class RunQueue {
  private queue: RunEntry[];
  private finished: FinishedRun[];
  /** The run that was taken, until it has ended. */
  running: RunEntry | undefined;
  private nextNumber: number;
  private databaseUuid: string | undefined;
  paused: boolean;

  constructor(input: PipelineInput) {
    this.queue = (input.queue ?? []).map(({ requests = 1, passedOver = 0, ...run }) => ({
      ...run,
      requests,
      passedOver,
    }));
    this.finished = [...(input.finished ?? [])];
    this.nextNumber = input.nextNumber ?? 1;
    this.databaseUuid = input.databaseUuid;
    this.paused = input.paused ?? false;
  }

  /**
   * Takes note of the database that a request is about. Another one than before is another warehouse: what is
   * remembered is dropped. Returns whether it was.
   */
  observeDatabase(databaseUuid: string | undefined): boolean {
    if (databaseUuid === undefined || databaseUuid === this.databaseUuid) return false;
    const replaced = this.databaseUuid !== undefined;
    this.databaseUuid = databaseUuid;
    if (!replaced) return false;
    for (const entry of this.queue) entry.dropped = 'database-replaced';
    this.queue = [];
    this.finished = [];
    if (this.running !== undefined) this.running.dropped = 'database-replaced';
    return true;
  }

  /** Queues a run, or lets one that waits and means the same take the batches along. */
  enqueue(transform: TransformInput, batchIds: readonly string[], requestId?: string): RunEntry {
    const entry = this.waitingFor(transform, batchIds);
    if (requestId !== undefined)
      entry.requestIds = [...(entry.requestIds ?? []), requestId].slice(-REMEMBERED_REQUESTS);
    return entry;
  }

  /** The run that this request was for, when it was asked before: one that waits, runs, or has ended. */
  requestedBefore(requestId: string | undefined): RunEntry | undefined {
    if (requestId === undefined) return undefined;
    return this.allRuns().find(({ entry }) => entry.requestIds?.includes(requestId) === true)?.entry;
  }

  private waitingFor(transform: TransformInput, batchIds: readonly string[]): RunEntry {
    const meaning = meaningOf(transform);
    const waiting = this.queue.find((entry) => meaningOf(entry.transform) === meaning);
    if (waiting !== undefined) {
      waiting.batchIds = united(waiting.batchIds, batchIds);
      waiting.transform = mergedSettings(waiting.transform, transform);
      waiting.requests++;
      return waiting;
    }
    const number = this.nextNumber++;
    const entry: RunEntry = { number, transform, batchIds: united([], batchIds), requests: 1, passedOver: 0 };
    this.queue.push(entry);
    return entry;
  }

  /**
   * The run that covers all these batches and means the same: one that waits, runs, or has ended. After a failed one
   * the latest that followed it, since a run takes in what an earlier one left.
   */
  covering(transform: TransformInput, batchIds: readonly string[]): RunEntry | undefined {
    const meaning = meaningOf(transform);
    const runs = this.allRuns().filter((run) => run.meaning === meaning);
    const first = batchIds.map((batchId) => runs.findIndex((run) => run.entry.batchIds.includes(batchId)));
    if (runs.length === 0 || first.length === 0 || first.includes(-1)) return undefined;
    const covering = runs[Math.max(...first)];
    return covering?.failed === true ? runs.at(-1)?.entry : covering?.entry;
  }

  /**
   * Takes the run whose turn it is: the most urgent one, of equals the oldest; but one that was passed over too often
   * goes first. Without `byPriority` the oldest.
   */
  takeNext(byPriority = true): RunEntry | undefined {
    if (this.paused || this.running !== undefined) return undefined;
    this.running = takeTurn(this.queue, byPriority);
    return this.running;
  }

  /** What waits, in the order in which it would come to its turn if nothing more came. */
  inOrder(byPriority = true): RunEntry[] {
    const queue = this.queue.map((entry) => ({ ...entry }));
    return this.queue.flatMap(() => takeTurn(queue, byPriority) ?? []);
  }

  /** The run of this number that runs or waits; without a number the one that runs. */
  find(number: number | undefined): RunEntry | undefined {
    if (number === undefined || number === this.running?.number) return this.running;
    return this.queue.find((entry) => entry.number === number);
  }

  /** Drops a run that has not started; one that has is left alone. */
  drop(entry: RunEntry): void {
    if (entry.started === undefined) entry.dropped = 'cancelled';
    this.queue = this.queue.filter((waiting) => waiting !== entry);
  }

  /** Moves a run, and with it all that wait behind it, up by some numbers: its own belongs to another workflow. */
  skipNumbers(entry: RunEntry, count: number): void {
    entry.number += count;
    for (const waiting of this.queue) waiting.number += count;
    this.nextNumber += count;
  }

  markStarted(entry: RunEntry, started: StartedRun): void {
    entry.started = started;
    // It was to be dropped, and was under way already: it ends as a run that is cancelled.
    if (entry.dropped === 'cancelled') entry.dropped = undefined;
  }

  markEnded(entry: RunEntry, state: FinishedRun['state'] | 'not-started'): void {
    this.running = undefined;
    if (entry.started === undefined) entry.dropped ??= 'not-started';
    if (state !== 'not-started') entry.ended = state;
    if (entry.dropped !== undefined || entry.started === undefined || state === 'not-started') return;
    const { number, transform, batchIds, started, requestIds } = entry;
    const ended = { number, ...started, batchIds, state, transform, ...requestsOf(requestIds) };
    this.finished = [...this.finished, ended].slice(-REMEMBERED_RUNS);
    while (
      this.finished.length > 1 &&
      this.finished.flatMap((run) => run.batchIds).length > REMEMBERED_BATCHES
    )
      this.finished.shift();
  }

  get hasWork(): boolean {
    return !this.paused && this.queue.length > 0;
  }

  /** What the next execution of the coordinator starts from. */
  carryOver(): PipelineInput {
    const { databaseUuid, nextNumber, finished, paused } = this;
    return { databaseUuid, nextNumber, queue: this.waiting(), finished, paused };
  }

  /** A run that is being started still waits: it is never in neither place. */
  status(warehouse: string): PipelineStatus {
    const { databaseUuid, paused, running, finished } = this;
    const isStarting =
      running !== undefined && running.started === undefined && running.dropped === undefined;
    const waiting = isStarting ? [running, ...this.queue] : this.queue;
    return {
      warehouse,
      databaseUuid,
      paused,
      ...(running?.started === undefined
        ? {}
        : {
            running: {
              number: running.number,
              workflowId: running.started.workflowId,
              batchIds: running.batchIds,
            },
          }),
      queue: this.waiting(waiting),
      finished,
    };
  }

  private waiting(entries: readonly RunEntry[] = this.queue): QueuedRun[] {
    return entries.map(({ number, transform, batchIds, requests, passedOver, requestIds }) => ({
      number,
      transform,
      batchIds,
      ...(requests > 1 ? { requests } : {}),
      ...(passedOver > 0 ? { passedOver } : {}),
      ...requestsOf(requestIds),
    }));
  }

  /** Oldest first. */
  private allRuns(): { entry: RunEntry; meaning: string | undefined; failed: boolean }[] {
    const ended = this.finished.map(
      ({ number, workflowId, firstExecutionRunId, batchIds, state, transform, requestIds }) => ({
        entry: {
          number,
          transform: transform ?? {},
          batchIds,
          requests: 1,
          passedOver: 0,
          requestIds,
          started: { workflowId, firstExecutionRunId },
        },
        meaning: transform === undefined ? undefined : meaningOf(transform),
        failed: state !== 'success',
      }),
    );
    const underway = [...(this.running === undefined ? [] : [this.running]), ...this.queue]
      .filter((entry) => entry.dropped === undefined)
      .map((entry) => ({ entry, meaning: meaningOf(entry.transform), failed: false }));
    return [...ended, ...underway];
  }
}

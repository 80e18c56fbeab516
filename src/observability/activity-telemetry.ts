import type { Context, Info } from '@temporalio/activity';
import type { Attributes } from '@opentelemetry/api';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from './logger';
import { measureActivity } from './measure-activity';
import type { Metrics } from './metrics';
import { redact } from './redact';
import type { TraceSubject } from './trace-ids';
import type { FinishedSpan, Tracing } from './tracing';

export interface BatchFacts {
  readonly batchId: string;
  readonly dataset: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
}

export interface RunFacts {
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Those that the run is the first to have among its inputs, the oldest first. */
  readonly batches: readonly BatchFacts[];
}

/** What the ledger knows of a batch and a run, asked after the activity has ended. */
export interface Facts {
  readonly batch: (batchId: string) => Promise<BatchFacts | null>;
  readonly run: (runId: string) => Promise<RunFacts | undefined>;
}

export interface TelemetryDeps {
  readonly metrics?: Metrics | undefined;
  readonly tracing?: Tracing | undefined;
  readonly logger: Logger;
  readonly databaseUuid: string;
  readonly facts: Facts;
}

/** An activity that has ended. Its input and result are what the wire says; only single fields are looked at. */
export interface ActivityEnd {
  readonly type: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
  readonly error?: unknown;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** The ids that tell what an activity was about; equal to those in Temporal and in `ops`. */
interface Ids {
  readonly batchId?: string | undefined;
  readonly runId?: string | undefined;
  readonly nodeId?: string | undefined;
  readonly replayId?: string | undefined;
  readonly dataset?: string | undefined;
}

type Whole = Pick<FinishedSpan, 'name' | 'subject' | 'parent' | 'links' | 'startedAt'>;

const KEPT_RUNS = 200;

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const idsOf = ({ input, result }: ActivityEnd): Ids => {
  const id = (name: string): string | undefined => {
    const value = input[name] ?? result[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    batchId: id('batchId'),
    runId: id('runId'),
    nodeId: id('nodeId'),
    replayId: id('replayId'),
    dataset: id('dataset'),
  };
};

const messageOf = (error: unknown): string => redact(error instanceof Error ? error.message : String(error));

const defined = (values: Readonly<Record<string, string | number | undefined>>): Attributes =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const attributesOf = (info: Info, ids: Ids, { result }: ActivityEnd): Attributes =>
  defined({
    'temporal.workflow_id': info.workflowExecution?.workflowId,
    'temporal.run_id': info.workflowExecution?.runId,
    'temporal.activity_id': info.activityId,
    'temporal.attempt': info.attempt,
    'strata.batch_id': ids.batchId,
    'strata.run_id': ids.runId,
    'strata.node': ids.nodeId,
    'strata.replay_id': ids.replayId,
    'strata.dataset': ids.dataset,
    'strata.state': typeof result.state === 'string' ? result.state : undefined,
  });

/** The spans of one worker's activities, in the traces of their batches. */
class ActivitySpans {
  constructor(
    private readonly deps: TelemetryDeps,
    private readonly tracing: Tracing,
  ) {}

  async record(end: ActivityEnd, info: Info): Promise<void> {
    const ids = idsOf(end);
    const place = await this.#placeOf(ids, info);
    const what = end.result.label ?? ids.nodeId ?? ids.dataset;
    const own = {
      trace: place.trace,
      startedAt: end.startedAt,
      endedAt: end.endedAt,
      attributes: attributesOf(info, ids, end),
      ...(end.error === undefined ? {} : { error: messageOf(end.error) }),
    };
    this.tracing.record({
      ...own,
      name: typeof what === 'string' ? `${end.type} ${what}` : end.type,
      parent: place.parent,
    });
    const whole = await this.#wholeOf(end, ids);
    if (whole !== undefined) this.tracing.record({ ...own, ...whole });
  }

  /** Whose trace, and within whose span: the batch's, or the run's in the trace of the first batch that it covers. */
  async #placeOf(ids: Ids, info: Info): Promise<{ trace: TraceSubject; parent?: TraceSubject }> {
    if (ids.batchId !== undefined) {
      const batch = this.#subject('batch', ids.batchId);
      return { trace: batch, parent: batch };
    }
    if (ids.runId !== undefined) {
      const run = this.#subject('run', ids.runId);
      return { trace: this.#traceOfRun(run, await this.deps.facts.run(ids.runId)), parent: run };
    }
    if (ids.replayId !== undefined) return { trace: this.#subject('replay', ids.replayId) };
    return { trace: this.#subject('workflow', info.workflowExecution?.runId ?? info.activityId) };
  }

  /** The last activity of a load or a run has the span of the whole with it. */
  async #wholeOf(end: ActivityEnd, ids: Ids): Promise<Whole | undefined> {
    if (end.error !== undefined) return undefined;
    if (ids.batchId !== undefined && (end.type === 'publishBatch' || end.type === 'failBatch')) {
      const batch = await this.deps.facts.batch(ids.batchId);
      const subject = this.#subject('batch', ids.batchId);
      if (batch === null) return undefined;
      return { name: `ingest ${batch.dataset}`, subject, startedAt: batch.acceptedAt };
    }
    if (ids.runId === undefined || end.type !== 'finishRun') return undefined;
    const facts = await this.deps.facts.run(ids.runId);
    if (facts === undefined) return undefined;
    const [first, ...others] = facts.batches.map(({ batchId }) => this.#subject('batch', batchId));
    const subject = this.#subject('run', ids.runId);
    return { name: facts.command, subject, parent: first, links: others, startedAt: facts.startedAt };
  }

  #subject(kind: TraceSubject['kind'], id: string): TraceSubject {
    return { databaseUuid: this.deps.databaseUuid, kind, id };
  }

  #traceOfRun(run: TraceSubject, facts: RunFacts | undefined): TraceSubject {
    const [first] = facts?.batches ?? [];
    return first === undefined ? run : this.#subject('batch', first.batchId);
  }
}

/** Asks for each run once: what it covers is settled when it is planned. */
const rememberingRuns = ({ batch, run }: Facts): Facts => {
  const runs = new Map<string, Promise<RunFacts | undefined>>();
  return {
    batch,
    run: (runId) => {
      const known = runs.get(runId);
      if (known !== undefined) return known;
      const facts = run(runId);
      runs.set(runId, facts);
      facts.catch(() => runs.delete(runId));
      const [oldest] = runs.keys();
      if (runs.size > KEPT_RUNS && oldest !== undefined) runs.delete(oldest);
      return facts;
    },
  };
};

export interface ActivityTelemetry {
  readonly interceptor: ActivityInterceptorsFactory;
  /** Waits for what is still being recorded. */
  close(): Promise<void>;
}

/**
 * Watches a worker's activities: a log line, metrics and a span of each, after it has ended. None of it delays an
 * activity or makes it fail.
 */
export const createActivityTelemetry = (given: TelemetryDeps): ActivityTelemetry => {
  const deps = { ...given, facts: rememberingRuns(given.facts) };
  const spans = deps.tracing === undefined ? undefined : new ActivitySpans(deps, deps.tracing);
  const pending = new Set<Promise<void>>();

  const observe = async (end: ActivityEnd, { info }: Context): Promise<void> => {
    logEnd(deps.logger, end, info);
    if (deps.metrics !== undefined) await measureActivity(deps.metrics, deps.facts, end);
    await spans?.record(end, info);
  };
  const afterwards = (end: ActivityEnd, context: Context): void => {
    const work = observe(end, context)
      .catch((error: unknown) => deps.logger.debug({ error: messageOf(error) }, 'telemetry was not recorded'))
      .finally(() => pending.delete(work));
    pending.add(work);
  };

  return {
    interceptor: (context) => ({
      inbound: {
        execute: async (input, next) => {
          const started = {
            type: context.info.activityType,
            input: record(input.args[0]),
            startedAt: Date.now(),
          };
          try {
            const result = await next(input);
            afterwards({ ...started, result: record(result), endedAt: Date.now() }, context);
            return result;
          } catch (error) {
            afterwards({ ...started, result: {}, error, endedAt: Date.now() }, context);
            throw error;
          }
        },
      },
    }),
    close: async () => {
      await Promise.allSettled([...pending]);
      await deps.tracing?.shutdown().catch(() => undefined);
    },
  };
};

const logEnd = (logger: Logger, end: ActivityEnd, info: Info): void => {
  const fields = {
    activity: end.type,
    workflowId: info.workflowExecution?.workflowId,
    workflowRunId: info.workflowExecution?.runId,
    activityId: info.activityId,
    attempt: info.attempt,
    ...idsOf(end),
    durationMs: end.endedAt - end.startedAt,
  };
  if (end.error === undefined) logger.info(fields, `${end.type} ended`);
  else logger.info({ ...fields, error: messageOf(end.error) }, `${end.type} failed`);
};

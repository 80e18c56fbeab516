import { ApplicationFailure } from '@temporalio/common';
import { isTransient, serverMessage, sqlStateOf, valueFreeMessage } from '../db/sqlstate';
import { type ErrorCode, errorCatalogue, isStrataError } from '../domain/errors';
import { redact } from '../observability/redact';

/** Tries of an activity that fails in a way nobody foresaw, a bug say: enough to outlive a hiccup, not for ever. */
const UNEXPECTED_TRIES = 5;

/** Waiting helps, however long it takes. */
const INFRASTRUCTURE: ReadonlySet<ErrorCode> = new Set([
  'DATABASE_UNREACHABLE',
  'TEMPORAL_UNREACHABLE',
  'SOURCE_UNREACHABLE',
]);

/**
 * What becomes of a failure. `final`: the activity ends with it. `wait`: Temporal tries again, without a limit.
 * `bounded`: Temporal tries again a few times.
 */
export interface Verdict {
  /** A code of the catalogue, or UNEXPECTED. */
  readonly type: string;
  /** One line without secrets. */
  readonly message: string;
  readonly hint?: string | undefined;
  /** Of PostgreSQL, where it comes from there. */
  readonly sqlState?: string | undefined;
  readonly retry: 'final' | 'wait' | 'bounded';
}

export interface FailureContext {
  /** Whether the workflow counts the tries itself, as it does for a node: then every failure of the work is final. */
  readonly countedByWorkflow: boolean;
}

const verdictOfStrataError = (
  code: ErrorCode,
  retryable: boolean,
  context: FailureContext,
): Verdict['retry'] => {
  if (INFRASTRUCTURE.has(code)) return 'wait';
  return retryable && !context.countedByWorkflow ? 'bounded' : 'final';
};

/** Pure: what an error means. */
export const judge = (error: unknown, context: FailureContext): Verdict => {
  const sqlState = sqlStateOf(error);
  return { ...judgeKind(error, context), ...(sqlState === undefined ? {} : { sqlState }) };
};

const judgeKind = (error: unknown, context: FailureContext): Verdict => {
  if (isStrataError(error)) {
    const { code, entry, message } = error;
    return verdict(code, message, verdictOfStrataError(code, entry.retryable, context));
  }
  // A model's author needs to see which value it was; what moves rows on shows none.
  const message = context.countedByWorkflow ? serverMessage(error) : valueFreeMessage(error);
  if (isTransient(error)) return verdict('DATABASE_UNREACHABLE', message, 'wait');
  const state = sqlStateOf(error);
  if (context.countedByWorkflow && state !== undefined)
    return verdict('MODEL_FAILED', `${message} (SQLSTATE ${state})`, 'final');
  return verdict('UNEXPECTED', message, context.countedByWorkflow ? 'final' : 'bounded');
};

const verdict = (type: ErrorCode | 'UNEXPECTED', message: string, retry: Verdict['retry']): Verdict => ({
  type,
  message: redact(message.replaceAll(/\s+/g, ' ').trim()),
  retry,
  ...(type === 'UNEXPECTED' ? {} : { hint: errorCatalogue[type].hint }),
});

/** Where an error came from: the lines of its stack, without the message above them. */
const framesOf = ({ stack = '', message }: Error): string =>
  stack
    .replace(message, () => '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');

/** An error's name, message and place, for logs and histories: no secrets, and no values where `message` has none. */
export const traceOf = (error: unknown, message: string): string =>
  error instanceof Error ? redact(`${error.name}: ${message}\n${framesOf(error)}`) : message;

/** The cause for the history: name and place, without the fields in which drivers keep connections and rows. */
const redactedCause = (error: unknown, message: string): Error | undefined => {
  if (!(error instanceof Error)) return undefined;
  const copy = new Error(message);
  copy.name = error.name;
  copy.stack = traceOf(error, message);
  return copy;
};

/** Counts the unexpected failures of each running activity, so that they end though infrastructure's never do. */
export class UnexpectedFailures {
  private readonly counts = new Map<string, number>();

  /** Whether another try is allowed. */
  allow(activity: string): boolean {
    const count = (this.counts.get(activity) ?? 0) + 1;
    this.counts.set(activity, count);
    if (count < UNEXPECTED_TRIES) return true;
    this.counts.delete(activity);
    return false;
  }

  forget(activity: string): void {
    this.counts.delete(activity);
  }
}

/**
 * The only maker of ApplicationFailure in activities: its type is the catalogue's code, its details have the hint and
 * the SQLSTATE.
 */
export const toFailure = (
  { type, message, hint, sqlState }: Verdict,
  nonRetryable: boolean,
  error: unknown,
): ApplicationFailure => {
  const cause = redactedCause(error, message);
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable,
    details: hint === undefined && sqlState === undefined ? [] : [{ hint, sqlState }],
    ...(cause === undefined ? {} : { cause }),
  });
};

/** A worker that shuts down gives its activities back: another one, or the next process, tries again at once. */
export const workerShutdown = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'WORKER_SHUTDOWN',
    message: 'The worker shut down',
    nonRetryable: false,
  });

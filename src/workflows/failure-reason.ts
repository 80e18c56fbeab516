import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { errorCatalogue, isErrorCode } from '../domain/errors';

/** A message in a history or a table is one line of at most so many characters. */
const MESSAGE_LIMIT = 1_000;

export interface FailureReason {
  /** A code of the catalogue, or what else the failure calls itself. */
  readonly code: string;
  readonly message: string;
  /** PostgreSQL's code, where the failure came from there. */
  readonly sqlState?: string | undefined;
  /** Whether another try can succeed without anyone changing anything; the unknown can. */
  readonly retryable: boolean;
}

/** The failure that an activity or a child ended with, without Temporal's wrapping. */
export const originalFailure = (error: unknown): unknown =>
  (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause !== undefined
    ? originalFailure(error.cause)
    : error;

export const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= MESSAGE_LIMIT ? line : `${line.slice(0, MESSAGE_LIMIT - 1)}…`;
};

const sqlStateOf = ({ details }: ApplicationFailure): string | undefined => {
  const state = (details?.[0] as { sqlState?: unknown } | null | undefined)?.sqlState;
  return typeof state === 'string' ? state : undefined;
};

/** Why a step failed for good. */
export const failureReason = (error: unknown): FailureReason => {
  const original = originalFailure(error);
  if (original instanceof ApplicationFailure) {
    const code = original.type ?? 'UNEXPECTED';
    const retryable = isErrorCode(code) ? errorCatalogue[code].retryable : true;
    return { code, message: oneLine(original.message), sqlState: sqlStateOf(original), retryable };
  }
  const message = original instanceof Error ? original.message : String(original);
  const code = original instanceof TimeoutFailure ? 'TIMEOUT' : 'UNEXPECTED';
  return { code, message: oneLine(message), retryable: true };
};

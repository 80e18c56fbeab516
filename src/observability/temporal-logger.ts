import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { LogEntry } from '@temporalio/worker';
import { isErrorCode } from '../domain/errors';
import type { Logger } from './logger';

type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<LogEntry['level'], Level>> = {
  TRACE: 'debug',
  DEBUG: 'debug',
  INFO: 'debug',
  WARN: 'warn',
  ERROR: 'error',
};

/** Failures that the catalogue foresees reach whoever asked for the work; the log needs no warning of them. */
const isExpected = (error: unknown): boolean =>
  error instanceof CancelledFailure || (error instanceof ApplicationFailure && isErrorCode(error.type));

const levelOf = ({ level, meta }: LogEntry): Level => {
  const { error } = (meta ?? {}) as { error?: unknown };
  return error !== undefined && isExpected(error) ? 'debug' : LEVELS[level];
};

const describeError = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  return error instanceof ApplicationFailure ? `${error.type ?? ''}: ${error.message}` : error.message;
};

/** Temporal's log lines in strata's own log: what strata's ids are, and an error's words. */
export const logTemporalEntry = (logger: Logger, entry: LogEntry): void => {
  const { error, taskToken: _token, ...meta } = (entry.meta ?? {}) as Record<string, unknown>;
  const fields = error === undefined ? meta : { ...meta, error: describeError(error) };
  logger[levelOf(entry)](fields, entry.message);
};

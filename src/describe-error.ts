import { causesOf, isTransient, serverMessage, sqlStateOf } from './db/sqlstate';
import { type ErrorCode, errorCatalogue, isErrorCode, isStrataError } from './domain/errors';

/** An error as a user sees it: what happened to what, and what to do. */
export interface ErrorDescription {
  readonly code?: ErrorCode | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ').trim();

const codeOf = (error: Error): ErrorCode | undefined => {
  if (isStrataError(error)) return error.code;
  // An ApplicationFailure of an activity or workflow: its type is the code.
  const { type } = error as { type?: unknown };
  return isErrorCode(type) ? type : undefined;
};

/** gRPC's UNAVAILABLE and DEADLINE_EXCEEDED: the server isn't there. */
const isTemporalUnreachable = (errors: readonly Error[]): boolean =>
  errors.some((e) => 'metadata' in e && [4, 14].includes((e as unknown as { code: number }).code));

const withHint = (code: ErrorCode, message: string): ErrorDescription => ({
  code,
  message: oneLine(message),
  hint: errorCatalogue[code].hint,
});

/** Finds the expected failure behind an error, however deep Temporal has wrapped it. */
export const describeError = (error: unknown): ErrorDescription => {
  const errors = causesOf(error);
  for (const cause of [...errors].reverse()) {
    const code = codeOf(cause);
    if (code !== undefined) return withHint(code, cause.message);
  }
  if (sqlStateOf(error) === undefined && isTemporalUnreachable(errors))
    return withHint('TEMPORAL_UNREACHABLE', errors.at(-1)?.message ?? 'no answer');
  const deepest = errors.at(-1)?.message ?? String(error);
  const message = sqlStateOf(error) === undefined ? deepest : serverMessage(error);
  return isTransient(error) ? withHint('DATABASE_UNREACHABLE', message) : { message: oneLine(message) };
};

import { isNativeError } from 'node:util/types';

/** SQLSTATE classes that decide; never an error's text. https://www.postgresql.org/docs/current/errcodes-appendix.html */

export const UNIQUE_VIOLATION = new Set(['23505']);
export const INVALID_TABLE_DEFINITION = new Set(['42P16']);
export const LOCK_NOT_AVAILABLE = new Set(['55P03']);
/** A table or a schema isn't there. */
export const UNDEFINED_RELATION = new Set(['42P01', '3F000']);
/** A column isn't there, or is of a type that can't be compared or computed with. */
export const UNFIT_COLUMN = new Set(['42703', '42883', '42804']);
/** A text that isn't a value of the type it was taken for. */
export const UNFIT_VALUE = new Set(['22P02', '22003', '22007', '22008', '22009', '22021']);
export const DATABASE_MISSING = new Set(['3D000']);

/** Whole classes that mean "not now": connection, rollback, resources, operator intervention, system. */
const TRANSIENT_CLASSES = new Set(['08', '40', '53', '57', '58']);
/** 55P03: lock_not_available. 25P03: idle_in_transaction_session_timeout. 25006: read-only, a standby or a fail-over. */
const TRANSIENT_STATES = new Set(['55P03', '25P03', '25006']);
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** slonik's names for a connection that went away. */
const CONNECTION_ERRORS = new Set([
  'BackendTerminatedError',
  'BackendTerminatedUnexpectedlyError',
  'ConnectionError',
  'IdleTransactionTimeoutError',
  'UnexpectedForeignConnectionError',
]);

/** The errors that stand behind an error, itself first. */
export const causesOf = (error: unknown): Error[] => {
  const chain: Error[] = [];
  let current: unknown = error;
  while (isNativeError(current) && !chain.includes(current)) {
    chain.push(current);
    current =
      current.cause ??
      (current as { originalError?: unknown }).originalError ??
      (current instanceof AggregateError ? current.errors[0] : undefined);
  }
  return chain;
};

const codesOf = (error: unknown): string[] =>
  causesOf(error).flatMap((e) => {
    const { code } = e as { code?: unknown };
    return typeof code === 'string' ? [code] : [];
  });

/** The SQLSTATE of an error of PostgreSQL, however deep it is wrapped. */
export const sqlStateOf = (error: unknown): string | undefined =>
  codesOf(error).find((code) => /^[0-9A-Z]{5}$/.test(code) && !NETWORK_CODES.has(code));

export const isSqlState = (error: unknown, states: ReadonlySet<string>): boolean => {
  const state = sqlStateOf(error);
  return state !== undefined && states.has(state);
};

/** Whether the infrastructure failed, not the work: the same statement can succeed later. */
export const isTransient = (error: unknown): boolean => {
  const state = sqlStateOf(error);
  if (state !== undefined) return TRANSIENT_CLASSES.has(state.slice(0, 2)) || TRANSIENT_STATES.has(state);
  return (
    codesOf(error).some((code) => NETWORK_CODES.has(code)) ||
    causesOf(error).some((e) => CONNECTION_ERRORS.has(e.name) || CONNECTION_ERRORS.has(e.constructor.name))
  );
};

/** The server's own words: its message, and where it says so the detail. */
export const serverMessage = (error: unknown): string => {
  const fromServer = causesOf(error).find((e) => sqlStateOf(e) !== undefined && 'severity' in e);
  const source = fromServer ?? (error instanceof Error ? error : new Error(String(error)));
  const { detail } = source as { detail?: unknown };
  return typeof detail === 'string' ? `${source.message} (${detail})` : source.message;
};

/**
 * The server's own words without what was to be stored: for work on values that strata hands on, of which messages and
 * histories must not show any. A data exception (class 22) quotes the value in its message, a violated constraint
 * (class 23) the row in its detail.
 */
export const valueFreeMessage = (error: unknown): string => {
  const state = sqlStateOf(error);
  if (state?.startsWith('22') === true) return `PostgreSQL refuses a value (SQLSTATE ${state})`;
  const fromServer = causesOf(error).find((e) => sqlStateOf(e) !== undefined && 'severity' in e);
  if (state?.startsWith('23') === true && fromServer) return `${fromServer.message} (SQLSTATE ${state})`;
  return serverMessage(error);
};

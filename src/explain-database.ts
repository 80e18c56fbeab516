import { DATABASE_MISSING, isSqlState, isTransient, serverMessage, sqlStateOf } from './db/sqlstate';
import { StrataError } from './domain/errors';
import { redact } from './observability/redact';

/** `host:port/database`, without user and password. */
const nameOf = (databaseUrl: string): string => {
  const { hostname, port, pathname } = new URL(databaseUrl);
  return `${hostname}${port === '' ? '' : `:${port}`}${pathname}`;
};

/** 28: the role is unknown, or its password is wrong. */
const isRefused = (error: unknown): boolean => sqlStateOf(error)?.startsWith('28') === true;

/** The error of a database that can't be opened as what it means to who opens it; any other as it is. */
export const explainDatabase = (error: unknown, databaseUrl: string): unknown => {
  const unreachable = (why: string): StrataError =>
    new StrataError('DATABASE_UNREACHABLE', `Database ${nameOf(databaseUrl)} ${why}`, { cause: error });
  if (isSqlState(error, DATABASE_MISSING)) return unreachable('does not exist');
  if (isRefused(error)) return unreachable(`refuses the connection: ${redact(serverMessage(error))}`);
  return isTransient(error) ? unreachable(`does not answer: ${redact(serverMessage(error))}`) : error;
};

import type { DatabasePool } from 'slonik';
import { openAsPart } from './acting-role';
import type { Roles } from './roles';

/** A page asks for little: what takes longer is a mistake, and would only hold others up. */
const STATEMENT_TIMEOUT = '15s';

const withOptions = (databaseUrl: string, settings: string): string => {
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  url.searchParams.set('options', options === null ? settings : `${options} ${settings}`);
  return url.toString();
};

/**
 * A pool that only reads: as the role reader where there is one, and in any case in read-only transactions with a time
 * limit.
 */
export const createReaderPool = async (
  databaseUrl: string,
  roles: Roles,
  applicationName: string,
): Promise<DatabasePool> => {
  const readOnly = withOptions(
    databaseUrl,
    `-c default_transaction_read_only=on -c statement_timeout=${STATEMENT_TIMEOUT}`,
  );
  const { pool } = await openAsPart(readOnly, { roles, part: 'reader' }, { applicationName });
  return pool;
};

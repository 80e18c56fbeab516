import type { DatabasePool } from 'slonik';
import { createWarehousePool } from './pool';
import { actingAs, usableRoles } from './roles';

/** A page asks for little: what takes longer is a mistake, and would only hold others up. */
const STATEMENT_TIMEOUT = '15s';

const withOptions = (databaseUrl: string, settings: string): string => {
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  url.searchParams.set('options', options === null ? settings : `${options} ${settings}`);
  return url.toString();
};

/**
 * A pool that only reads: as the role reader where the login may act as it, and in any case in read-only transactions
 * with a time limit.
 */
export const createReaderPool = async (
  login: DatabasePool,
  databaseUrl: string,
  applicationName: string,
): Promise<DatabasePool> => {
  const reader = (await usableRoles(login)).get('reader');
  const readOnly = withOptions(
    databaseUrl,
    `-c default_transaction_read_only=on -c statement_timeout=${STATEMENT_TIMEOUT}`,
  );
  const url = reader === undefined ? readOnly : actingAs(readOnly, reader);
  return createWarehousePool(url, { applicationName });
};

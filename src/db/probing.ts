import type { CommonQueryMethods } from 'slonik';
import { withSettings } from './with-settings';

/** Of more rows it is cheaper to read the whole relation once, which the planner then does. */
export const PROBED_AT_MOST = 250_000;

/**
 * Does `work` with joins by index only, where few rows are looked up: the cost then follows the change, and not what is
 * there already. The planner adds up the cost of all partitions, and would hash a whole relation for some thousand rows.
 */
export const probing = async <T>(
  connection: CommonQueryMethods,
  isWanted: boolean,
  work: () => Promise<T>,
): Promise<T> =>
  isWanted ? withSettings(connection, { enable_hashjoin: 'off', enable_mergejoin: 'off' }, work) : work();

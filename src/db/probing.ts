import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';

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
): Promise<T> => {
  if (!isWanted) return work();
  await connection.query(sql.typeAlias('void')`
    select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
  `);
  const result = await work();
  await connection.query(sql.typeAlias('void')`set local enable_hashjoin to default`);
  await connection.query(sql.typeAlias('void')`set local enable_mergejoin to default`);
  return result;
};

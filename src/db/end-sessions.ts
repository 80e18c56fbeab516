import type { DatabasePoolConnection } from 'slonik';
import { z } from 'zod';
import { asLoginRole } from './acting-role';
import { sql } from './sql';

/**
 * Ends sessions of this database but one's own: those that `which`, a condition on pg_stat_activity, names. To end them
 * takes the privileges of who opened them.
 */
export const endSessions = async (
  connection: DatabasePoolConnection,
  which: ReturnType<typeof sql.fragment>,
): Promise<void> => {
  const others = sql.fragment`datname = current_database() and pid <> pg_backend_pid() and (${which})`;
  const found = await connection.anyFirst(
    sql.type(z.object({ pid: z.number() }))`select pid from pg_stat_activity where ${others}`,
  );
  if (found.length === 0) return;
  await asLoginRole(connection, () =>
    connection.query(sql.typeAlias('void')`
      select pg_terminate_backend(pid) from pg_stat_activity
      where pid = any(${sql.array([...found], 'int4')}) and ${others}
    `),
  );
};

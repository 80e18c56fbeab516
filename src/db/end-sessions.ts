import type { DatabasePoolConnection } from 'slonik';
import { asLoginRole } from './roles';
import { sql } from './sql';

/** Ends sessions of this database but one's own: those that `which`, a condition on pg_stat_activity, names. */
export const endSessions = async (
  connection: DatabasePoolConnection,
  which: ReturnType<typeof sql.fragment>,
): Promise<void> => {
  await asLoginRole(connection, () =>
    connection.query(sql.typeAlias('void')`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and (${which})
    `),
  );
};

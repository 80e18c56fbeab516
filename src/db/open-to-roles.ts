import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import type { Manifest } from '../compiler/manifest';
import { asLoginRole } from './acting-role';
import { rawSql } from './raw-sql';
import { sql } from './sql';

/**
 * Lets the readers, if there are any, see what the login role makes in a schema from now on. What the transformer makes
 * they see anyway, by its default privileges.
 */
export const openToReaders = async (db: CommonQueryMethods, schema: string): Promise<void> => {
  const reader = await db.maybeOneFirst(sql.type(z.object({ role_name: z.string() }))`
    select a.role_name from ops.access_role as a
    inner join pg_roles as r on r.rolname = a.role_name
    where a.part = 'reader' and current_user = session_user
  `);
  if (reader === null) return;
  const [to, within] = [quoteIdentifier(reader), quoteIdentifier(schema)];
  await db.query(rawSql(`grant usage on schema ${within} to ${to}`));
  await db.query(rawSql(`alter default privileges in schema ${within} grant select on tables to ${to}`));
};

const ClosedRow = z.object({ schema: z.string(), name: z.string(), acting: z.string() });

/**
 * Lets the acting role read the project's sources that strata doesn't load: tables of others, which the login role may
 * read. One query, and nothing more where all is open.
 */
export const openSources = async (pool: DatabasePool, manifest: Pick<Manifest, 'sources'>): Promise<void> => {
  const relations = Object.values(manifest.sources).flatMap(({ relation, dataset }) =>
    dataset === undefined ? [relation] : [],
  );
  if (relations.length === 0) return;
  const names = sql.unnest(
    relations.map(({ schema, name }) => [schema, name]),
    ['text', 'text'],
  );
  await pool.connect(async (connection) => {
    const closed = await connection.any(sql.type(ClosedRow)`
      select n.nspname as schema, c.relname as name, current_user::text as acting
      from ${names} as s (schema_name, name)
      inner join pg_namespace as n on n.nspname = s.schema_name
      inner join pg_class as c on c.relnamespace = n.oid and c.relname = s.name
      where
        current_user <> session_user
        and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'))
    `);
    if (closed.length === 0) return;
    await asLoginRole(connection, async () => {
      for (const { acting, ...relation } of closed) {
        const to = quoteIdentifier(acting);
        await connection.query(rawSql(`grant usage on schema ${quoteIdentifier(relation.schema)} to ${to}`));
        await connection.query(rawSql(`grant select on ${relationSql(relation)} to ${to}`));
      }
    });
  });
};

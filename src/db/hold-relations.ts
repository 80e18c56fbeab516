import type { CommonQueryMethods, DatabaseTransactionConnection } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import { sql } from './sql';

const RelationRow = z.object({ schema: z.string(), name: z.string() });

/** Those of the relations that are there as tables or views. */
export const existingRelations = async (
  connection: CommonQueryMethods,
  relations: readonly RelationName[],
): Promise<readonly RelationName[]> => {
  if (relations.length === 0) return [];
  const wanted = [relations.map((r) => r.schema), relations.map((r) => r.name)] as const;
  return connection.any(sql.type(RelationRow)`
    select n.nspname as schema, c.relname as name
    from unnest(${sql.array(wanted[0], 'text')}, ${sql.array(wanted[1], 'text')}) as w (schema, name)
    inner join pg_namespace as n on n.nspname = w.schema
    inner join pg_class as c on c.relnamespace = n.oid and c.relname = w.name and c.relkind in ('r', 'p', 'v')
  `);
};

/**
 * Holds relations that are read as they are, before the transaction has its snapshot (locking takes none): of one that was
 * swapped for a new one after it, no row would be seen.
 */
export const holdRelations = async (
  transaction: DatabaseTransactionConnection,
  relations: readonly RelationName[],
): Promise<void> => {
  if (relations.length === 0) return;
  const names = relations.map(({ schema, name }) => sql.identifier([schema, name]));
  await transaction.query(
    sql.typeAlias('void')`lock table ${sql.join(names, sql.fragment`, `)} in access share mode`,
  );
};

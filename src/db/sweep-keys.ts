import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { keysRelation } from '../compiler/identifiers';
import { asLoginRole } from './acting-role';
import { tryLock } from './dead-consumers';
import { sql } from './sql';

const KEYS_SCHEMA = 'strata_keys';

const KeysRow = z.object({ name: z.string(), is_ours: z.boolean() });
const OwnerRow = z.object({ relation: z.string(), schema: z.string(), name: z.string() });

/** Relations that strata maintains and that stand as partitioned tables: what tables of keys belong to. */
const owners = (connection: CommonQueryMethods) =>
  connection.any(sql.type(OwnerRow)`
    select r.relation, n.nspname as schema, c.relname as name
    from ops.relation as r
    inner join pg_namespace as n on starts_with(r.relation, n.nspname || '.')
    inner join pg_class as c on c.relnamespace = n.oid and n.nspname || '.' || c.relname = r.relation
    where c.relkind = 'p'
  `);

/**
 * Drops the tables of keys whose relation is no more, or is no longer partitioned: one that comes back makes its own
 * anew. Returns how many.
 */
export const sweepKeys = async (pool: DatabasePool): Promise<number> => {
  const tables = await pool.any(sql.type(KeysRow)`
    select c.relname as name, pg_has_role(c.relowner, 'usage') as is_ours
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${KEYS_SCHEMA} and c.relkind = 'r'
    order by c.relname
  `);
  if (tables.length === 0) return 0;
  let dropped = 0;
  for (const { name, is_ours } of tables)
    dropped += await pool.transaction(async (transaction) => {
      // By its name it is the lock of the relation itself, but for names that had to be cut.
      if (!(await tryLock(transaction, name))) return 0;
      // Looked at under the lock: a run may have made the relation in between.
      const isOwned = (await owners(transaction)).some((owner) => keysRelation(owner).name === name);
      if (isOwned) return 0;
      const drop = () =>
        transaction.query(sql.typeAlias('void')`drop table if exists ${sql.identifier([KEYS_SCHEMA, name])}`);
      await (is_ours ? drop() : asLoginRole(transaction, drop));
      return 1;
    });
  return dropped;
};

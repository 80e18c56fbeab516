import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { feedRelation } from '../compiler/identifiers';
import { sql } from './sql';

/** A model of another project than the worker's own that has not run for so long is gone, or may be built anew. */
const FORGOTTEN_AFTER_DAYS = 30;

const Relation = z.object({ relation: z.string() });
const Locked = z.object({ locked: z.boolean() });

/** Whether a relation of `ops.model_progress`, or of `ops.relation`, stands in the database. */
const stands = sql.fragment`
  exists (
    select from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = p.relation
  )
`;

/** What says that nobody runs the model any more: its table was dropped, or it is in no project. */
const isDead = (nodeIds: readonly string[]) => sql.fragment`
  (
    not ${stands}
    or (
      r.node_id <> all (${sql.array([...nodeIds], 'text')})
      and r.updated_at < clock_timestamp() - ${FORGOTTEN_AFTER_DAYS} * interval '1 day'
      and p.updated_at < clock_timestamp() - ${FORGOTTEN_AFTER_DAYS} * interval '1 day'
      and not exists (
        select from ops.model_run as m
        where m.node_id = r.node_id
          and m.finished_at >= clock_timestamp() - ${FORGOTTEN_AFTER_DAYS} * interval '1 day'
      )
    )
  )
`;

/** The lock of who runs the model, if it is free; held to the end of the transaction. */
export const tryLock = (db: CommonQueryMethods, relation: string): Promise<boolean> =>
  db.oneFirst(sql.type(Locked)`
    select pg_try_advisory_xact_lock(hashtextextended(${relation}, 0)) as locked
  `);

/**
 * Forgets how far models have consumed their upstreams that are run no more, so that no feed is kept for them; one that
 * comes back is built anew. `nodeIds` are the nodes of the worker's own project: these are never forgotten while their
 * relation stands. Returns how many models.
 */
export const forgetDeadConsumers = async (
  pool: DatabasePool,
  nodeIds: readonly string[],
): Promise<number> => {
  const dead = await pool.anyFirst(sql.type(Relation)`
    select distinct p.relation
    from ops.model_progress as p
    left join ops.relation as r on r.relation = p.relation
    where ${isDead(nodeIds)}
    order by p.relation
  `);
  let forgotten = 0;
  for (const relation of dead)
    forgotten += await pool.transaction(async (transaction) => {
      if (!(await tryLock(transaction, relation))) return 0;
      // Looked at once more under the lock: a run may have come in between.
      const { rowCount } = await transaction.query(sql.typeAlias('void')`
        delete from ops.model_progress as p
        using ops.model_progress as q
        left join ops.relation as r on r.relation = q.relation
        where p.relation = ${relation} and q.relation = p.relation and q.upstream = p.upstream and ${isDead(nodeIds)}
      `);
      return rowCount > 0 ? 1 : 0;
    });
  return forgotten;
};

const Unread = z.object({ relation: z.string(), schema: z.string(), name: z.string() });

const unread = sql.fragment`
  r.version > r.reset_version
  and not exists (select from ops.model_progress as p where p.upstream = 'relation:' || r.relation)
`;

/**
 * Empties the feeds that nobody reads any more. They begin anew where their relation stands now, so that who comes to
 * read one is built from the relation itself. Returns how many.
 */
export const emptyUnreadFeeds = async (pool: DatabasePool): Promise<number> => {
  const feeds = await pool.any(sql.type(Unread)`
    select r.relation, split_part(r.relation, '.', 1) as schema,
      substr(r.relation, strpos(r.relation, '.') + 1) as name
    from ops.relation as r
    where ${unread}
    order by r.relation
  `);
  let emptied = 0;
  for (const { relation, schema, name } of feeds)
    emptied += await pool.transaction(async (transaction) => {
      if (!(await tryLock(transaction, relation))) return 0;
      const { rowCount } = await transaction.query(sql.typeAlias('void')`
        update ops.relation as r set reset_version = r.version where r.relation = ${relation} and ${unread}
      `);
      if (rowCount === 0) return 0;
      const feed = feedRelation({ schema, name });
      await transaction.query(sql.typeAlias('void')`delete from ${sql.identifier([feed.schema, feed.name])}`);
      return 1;
    });
  return emptied;
};

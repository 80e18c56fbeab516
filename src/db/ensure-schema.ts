import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { openToReaders } from './open-to-roles';
import { feedRelation, keysRelation } from '../compiler/identifiers';
import type { ManifestModel, RelationName } from '../compiler/manifest';
import { asLoginRole } from './acting-role';
import { rawSql } from './raw-sql';
import { relationKey } from './relations';

/** Of sessions that make schemas at once. */
export const SCHEMA_LOCK = 'strata:schema';

const Missing = z.object({
  needs_schema: z.boolean(),
  needs_extension: z.boolean(),
  needs_grant: z.boolean(),
  needs_owner: z.boolean(),
});

/** Relations that are named: the model's own, its feed, and where its keys lie. */
const ofModel = ({ relation }: ManifestModel): ReturnType<typeof sql.fragment> => {
  const [feed, keys] = [feedRelation(relation), keysRelation(relation)];
  return sql.fragment`
    pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
      and (n.nspname, c.relname) in (
        (${relation.schema}, ${relation.name}), (${feed.schema}, ${feed.name}), (${keys.schema}, ${keys.name})
      )
    inner join ops.relation as r on r.relation = ${relationKey(relation)}
  `;
};

const lookAround = (connection: CommonQueryMethods, model: ManifestModel): Promise<z.infer<typeof Missing>> =>
  connection.one(sql.type(Missing)`
    select
      s.oid is null as needs_schema,
      ${model.materialized} = 'scd2' and not exists (select from pg_extension where extname = 'btree_gist')
        as needs_extension,
      current_user <> session_user and coalesce(not has_schema_privilege(s.oid, 'create'), false) as needs_grant,
      current_user <> session_user and exists (
        select from ${ofModel(model)} where not pg_has_role(c.relowner, 'usage')
      ) as needs_owner
    from (select) as one
    left join pg_namespace as s on s.nspname = ${model.relation.schema}
  `);

const StatementRow = z.object({ statement: z.string() });

/**
 * Hands over to the acting role what stands in its way: a schema that is somebody else's, relations that strata made as
 * the login role, by a worker of older code or one without roles, say.
 */
const takeOver = async (connection: CommonQueryMethods, model: ManifestModel): Promise<void> => {
  const statements = await connection.anyFirst(sql.type(StatementRow)`
    select format('grant usage, create on schema %I to %I', nspname, current_user) as statement
    from pg_namespace where nspname = ${model.relation.schema} and not has_schema_privilege(oid, 'create')
    union all
    select format('grant usage on schema %I to %I', n.nspname, a.role_name)
    from pg_namespace as n
    inner join ops.access_role as a on a.part = 'reader'
    inner join pg_roles as reader on reader.rolname = a.role_name
    where n.nspname = ${model.relation.schema} and not has_schema_privilege(n.oid, 'create')
    union all
    select format('alter table %s owner to %I', m.oid::regclass, current_user)
    from ${ofModel(model)}
    inner join pg_class as m
      on m.oid = c.oid or m.oid in (select i.inhrelid from pg_inherits as i where i.inhparent = c.oid)
    where not pg_has_role(m.relowner, 'usage')
  `);
  await asLoginRole(connection, async () => {
    for (const statement of statements) await connection.query(rawSql(statement));
  });
};

const make = async (
  connection: CommonQueryMethods,
  { schema }: RelationName,
  { needs_schema, needs_extension }: z.infer<typeof Missing>,
): Promise<void> => {
  if (needs_schema) {
    await connection.query(sql.typeAlias('void')`create schema if not exists ${sql.identifier([schema])}`);
    await openToReaders(connection, schema);
  }
  if (needs_extension)
    await connection.query(
      sql.typeAlias('void')`create extension if not exists btree_gist with schema public`,
    );
};

/**
 * Makes what a model's relation needs around it: its schema, for `scd2` the extension that its constraint is built on,
 * and for a role that acts the right to both schema and relation. Outside of the model's transaction: sessions that make
 * the same object at once wait here for moments, and not for each other's models. Each statement is a transaction of
 * its own, so that it sees what the last holder of the lock made.
 */
export const ensureSchema = async (connection: CommonQueryMethods, model: ManifestModel): Promise<void> => {
  const missing = await lookAround(connection, model);
  if (!Object.values(missing).some(Boolean)) return;
  await connection.query(sql.typeAlias('void')`select pg_advisory_lock(hashtextextended(${SCHEMA_LOCK}, 0))`);
  try {
    await make(connection, model.relation, missing);
    if (missing.needs_grant || missing.needs_owner) await takeOver(connection, model);
  } finally {
    await connection.query(
      sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${SCHEMA_LOCK}, 0))`,
    );
  }
};

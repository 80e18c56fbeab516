import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { openToReaders } from './roles';
import type { ManifestModel } from '../compiler/manifest';

/** Of sessions that make schemas at once. */
export const SCHEMA_LOCK = 'strata:schema';

const Missing = z.object({ needs_schema: z.boolean(), needs_extension: z.boolean() });

/**
 * Makes what a model's relation needs around it: its schema, and for `scd2` the extension that its constraint is
 * built on. Outside of the model's transaction: sessions that make the same object at once wait here for moments, and
 * not for each other's models. Each statement is a transaction of its own, so that it sees what the last holder of
 * the lock made.
 */
export const ensureSchema = async (connection: CommonQueryMethods, model: ManifestModel): Promise<void> => {
  const { schema } = model.relation;
  const { needs_schema, needs_extension } = await connection.one(sql.type(Missing)`
    select not exists (select from pg_namespace where nspname = ${schema}) as needs_schema,
      ${model.materialized} = 'scd2' and not exists (select from pg_extension where extname = 'btree_gist')
        as needs_extension
  `);
  if (!needs_schema && !needs_extension) return;
  await connection.query(sql.typeAlias('void')`select pg_advisory_lock(hashtextextended(${SCHEMA_LOCK}, 0))`);
  try {
    if (needs_schema) {
      await connection.query(sql.typeAlias('void')`create schema if not exists ${sql.identifier([schema])}`);
      await openToReaders(connection, schema);
    }
    if (needs_extension)
      await connection.query(
        sql.typeAlias('void')`create extension if not exists btree_gist with schema public`,
      );
  } finally {
    await connection.query(
      sql.typeAlias('void')`select pg_advisory_unlock(hashtextextended(${SCHEMA_LOCK}, 0))`,
    );
  }
};

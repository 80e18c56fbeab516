import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import { buildName } from '../compiler/materializations/build';
import type { RelationName } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { dependentViews } from './dependent-views';
import { describeRelation } from './facts';
import { listPartitions } from './list-partitions';
import { rawSql } from './raw-sql';
import { refreshInPlace } from './refresh-in-place';
import { findRelation } from './relations';
import { openToReaders } from './roles';
import { takeTurn } from './take-turn';

const GrantRow = z.object({ grant_sql: z.string() });

/** What others were granted on a relation; a rebuilt one gets the same. */
const grantsOn = (connection: CommonQueryMethods, relation: RelationName) =>
  connection.any(sql.type(GrantRow)`
    select format('grant %s on %I.%I to %s', a.privilege_type, n.nspname, c.relname,
      case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end) as grant_sql
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral aclexplode(c.relacl) as a
    where n.nspname = ${relation.schema} and c.relname = ${relation.name} and a.grantee <> c.relowner
  `);

/** @throws RELATION_CONFLICT when something stands there that strata did not make. */
const dropOurs = async (connection: CommonQueryMethods, relation: RelationName): Promise<void> => {
  const { exists, type } = await describeRelation(connection, relation);
  if (!exists) return;
  if (type === 'other' || !(await findRelation(connection, relation)))
    throw new StrataError(
      'RELATION_CONFLICT',
      `${relation.schema}.${relation.name} exists, but strata did not make it`,
    );
  await connection.query(rawSql(`drop ${type === 'view' ? 'view' : 'table'} ${relationSql(relation)}`));
};

/**
 * Puts something new in the place of a relation, within the caller's transaction: readers see the old until it
 * commits; views that read it, and what others were granted, are kept. `make` makes the new one; it may be called
 * again after what it did was rolled back. Waits for readers without holding up others ({@link takeTurn}).
 */
export const replaceRelation = (
  connection: CommonQueryMethods,
  relation: RelationName,
  make: (connection: CommonQueryMethods) => Promise<void>,
): Promise<void> =>
  takeTurn(connection, async (savepoint, onlyFree) => {
    const isTable = (await describeRelation(savepoint, relation)).type === 'table';
    if (isTable) await savepoint.query(rawSql(`lock table only ${relationSql(relation)}`));
    await onlyFree();
    const views = await dependentViews(savepoint, relation);
    const grants = [];
    for (const granted of [relation, ...views]) grants.push(...(await grantsOn(savepoint, granted)));
    for (const view of [...views].reverse()) await savepoint.query(rawSql(`drop view ${relationSql(view)}`));
    await dropOurs(savepoint, relation);
    await make(savepoint);
    for (const { statements } of views)
      for (const statement of statements) await savepoint.query(rawSql(statement));
    for (const { grant_sql } of grants) await savepoint.query(rawSql(grant_sql));
  });

/** Makes the schema that a relation is built in; {@link swapIn} drops it. */
export const beginBuild = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<RelationName> => {
  const built = buildName(relation);
  await connection.query(sql.typeAlias('void')`create schema ${sql.identifier([built.schema])}`);
  // Privileges are given when a table is made, and stay with it when it moves.
  await openToReaders(connection, built.schema);
  return built;
};

const moveBuilt = (connection: CommonQueryMethods, relation: RelationName): Promise<void> =>
  replaceRelation(connection, relation, async (savepoint) => {
    const built = buildName(relation);
    const partitions = await listPartitions(savepoint, built);
    for (const table of [built, ...partitions])
      await savepoint.query(
        sql.typeAlias(
          'void',
        )`alter table ${sql.identifier([table.schema, table.name])} set schema ${sql.identifier([relation.schema])}`,
      );
  });

/**
 * Puts what was built (with its partitions) in the place of a relation: by the rows in which they differ, where both are
 * made alike, else by swapping the tables.
 */
export const swapIn = async (connection: CommonQueryMethods, relation: RelationName): Promise<void> => {
  const built = buildName(relation);
  const isOurs = (await findRelation(connection, relation)) !== undefined;
  const isDone = isOurs && (await refreshInPlace(connection, relation, built));
  if (!isDone) await moveBuilt(connection, relation);
  await connection.query(sql.typeAlias('void')`drop schema ${sql.identifier([built.schema])}`);
};

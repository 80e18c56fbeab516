import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import { buildName } from '../compiler/materializations/build';
import type { RelationName } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { asLoginRole } from './acting-role';
import { dependentViews } from './dependent-views';
import { describeRelation } from './facts';
import { listPartitions } from './list-partitions';
import { rawSql } from './raw-sql';
import { findRelation } from './relations';
import { openToReaders } from './open-to-roles';
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

const runAll = async (connection: CommonQueryMethods, statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await connection.query(rawSql(statement));
};

const grantsOf = async (
  connection: CommonQueryMethods,
  relations: readonly RelationName[],
): Promise<string[]> => {
  const grants = [];
  for (const relation of relations) grants.push(...(await grantsOn(connection, relation)));
  return grants.map(({ grant_sql }) => grant_sql);
};

/** Drops the views that read a relation; what is returned makes them again. Those of others are the login role's affair. */
const setViewsAside = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<() => Promise<void>> => {
  const seen = await dependentViews(connection, relation);
  if (seen.length === 0) return () => Promise.resolve();
  const act = (work: () => Promise<void>): Promise<void> =>
    seen.every(({ is_ours }) => is_ours) ? work() : asLoginRole(connection, work);
  const again: string[] = [];
  await act(async () => {
    // Which owner a view can be given is up to who makes it.
    const views = await dependentViews(connection, relation);
    again.push(...views.flatMap(({ statements }) => statements), ...(await grantsOf(connection, views)));
    await runAll(
      connection,
      [...views].reverse().map((view) => `drop view ${relationSql(view)}`),
    );
  });
  return () => act(() => runAll(connection, again));
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
    const grants = await grantsOf(savepoint, [relation]);
    const makeViews = await setViewsAside(savepoint, relation);
    await dropOurs(savepoint, relation);
    await make(savepoint);
    await makeViews();
    await runAll(savepoint, grants);
  });

/** Makes the schema that a relation is built in; {@link endBuild} drops it. */
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

/** Moves what was built, with its partitions, into the place of a relation. */
export const moveBuilt = (connection: CommonQueryMethods, relation: RelationName): Promise<void> =>
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

/** Drops the schema that {@link beginBuild} made, once nothing is in it. */
export const endBuild = async (connection: CommonQueryMethods, relation: RelationName): Promise<void> => {
  await connection.query(sql.typeAlias('void')`drop schema ${sql.identifier([buildName(relation).schema])}`);
};

/** Puts what was built (with its partitions) in the place of a relation. */
export const swapIn = async (connection: CommonQueryMethods, relation: RelationName): Promise<void> => {
  await moveBuilt(connection, relation);
  await endBuild(connection, relation);
};

import type { CommonQueryMethods, DatabasePoolConnection } from 'slonik';
import { sql } from './sql';
import type { Manifest, RelationName } from '../compiler/manifest';
import { relationSql } from '../compiler/identifiers';
import { asSubselect, identityOf, plainIndexes } from '../compiler/materializations/build';
import { STAGED } from '../compiler/materializations/delta';
import { isTrackedConfig, type MaterializationConfig } from '../compiler/materializations/model-config';
import { createPinnedSource, shadowSchema } from '../compiler/shadow';
import { dropGone } from './build-tracked';
import { SCHEMA_LOCK } from './ensure-schema';
import { execute, stageModel } from './stage-model';
import { inputPosition } from './facts';

/**
 * Makes a run's shadow schema with the sources as the run saw them, in one transaction: where the schema is, all of it
 * is. Idempotent; nodes of a run may do it at once.
 */
export const prepareShadow = async (
  connection: DatabasePoolConnection,
  { runId, manifest }: { readonly runId: string; readonly manifest: Manifest },
): Promise<void> => {
  const schema = shadowSchema(runId);
  const isThere = sql.typeAlias('void')`select from pg_namespace where nspname = ${schema}`;
  if (await connection.exists(isThere)) return;
  await connection.transaction(async (transaction) => {
    await transaction.query(
      sql.typeAlias('void')`select pg_advisory_xact_lock(hashtextextended(${SCHEMA_LOCK}, 0))`,
    );
    if (await transaction.exists(isThere)) return;
    await transaction.query(sql.typeAlias('void')`create schema ${sql.identifier([schema])}`);
    for (const { relation, dataset } of Object.values(manifest.sources)) {
      if (dataset === undefined) continue;
      const position = await inputPosition(transaction, runId, dataset);
      await execute(transaction, [createPinnedSource(runId, { relation, dataset }, position)]);
    }
  });
};

export interface ShadowInput {
  readonly label: string;
  readonly shadow: RelationName;
  /** Rendered as for a full refresh. */
  readonly sql: string;
  readonly config: MaterializationConfig;
}

/** The rows of a tracked model, staged as a build stages them. */
const buildTrackedShadow = async (
  connection: CommonQueryMethods,
  { label, shadow, sql: text, config }: ShadowInput & { config: Parameters<typeof identityOf>[0] },
): Promise<void> => {
  await stageModel(connection, { label, relation: shadow, sql: text }, config);
  await dropGone(connection, config);
  const key = { columns: [...identityOf(config)], unique: true };
  await execute(connection, [
    `create unlogged table ${relationSql(shadow)} as\nselect * from ${STAGED}`,
    ...plainIndexes(shadow, [key, ...config.indexes]),
    `analyze ${relationSql(shadow)}`,
  ]);
};

/** Rebuilds a model beside the relation that stands. Feeds and strata's records know nothing of it. */
export const buildShadow = async (connection: CommonQueryMethods, input: ShadowInput): Promise<void> => {
  const { shadow, sql: text, config } = input;
  if (isTrackedConfig(config)) return buildTrackedShadow(connection, { ...input, config });
  const query = `${relationSql(shadow)} as\nselect * from ${asSubselect(text)}`;
  return config.materialized === 'view'
    ? execute(connection, [`create view ${query}`])
    : execute(connection, [
        `create unlogged table ${query}`,
        ...plainIndexes(shadow, config.indexes),
        `analyze ${relationSql(shadow)}`,
      ]);
};

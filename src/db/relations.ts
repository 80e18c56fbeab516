import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { feedRelation } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';

const RelationRow = z.object({
  materialized: z.string(),
  version: z.string(),
  reset_version: z.string(),
  config: z.record(z.any()).nullable(),
});
export type TrackedRelation = z.infer<typeof RelationRow>;

/** Under this name a relation is known in strata's own tables. */
export const relationKey = ({ schema, name }: RelationName): string => `${schema}.${name}`;

export const datasetUpstream = (dataset: string): string => `dataset:${dataset}`;
export const relationUpstream = (relation: RelationName): string => `relation:${relationKey(relation)}`;

/** A relation that strata's models maintain, or undefined. */
export const findRelation = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<TrackedRelation | undefined> =>
  (await connection.maybeOne(sql.type(RelationRow)`
    select materialized, version, reset_version, config from ops.relation where relation = ${relationKey(relation)}
  `)) ?? undefined;

/** Keeps that a relation is now at `version`; with `reset`, that its feed begins there. */
export const saveRelation = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  state: {
    nodeId: string;
    materialized: string;
    version: bigint;
    reset: boolean;
    config: Readonly<Record<string, unknown>>;
  },
): Promise<void> => {
  const version = state.version.toString();
  await connection.query(sql.typeAlias('void')`
    insert into ops.relation as r (relation, node_id, materialized, version, reset_version, config)
    values (
      ${relationKey(relation)}, ${state.nodeId}, ${state.materialized}, ${version}::bigint, ${version}::bigint,
      ${JSON.stringify(state.config)}::jsonb
    )
    on conflict (relation) do update set
      node_id = excluded.node_id, config = excluded.config, materialized = excluded.materialized, version = excluded.version,
      reset_version = case when ${state.reset} then excluded.version else r.reset_version end,
      updated_at = clock_timestamp()
  `);
};

/** How far `relation` has consumed `upstream`; undefined if it never did. */
export const findProgress = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  upstream: string,
): Promise<bigint | undefined> => {
  const position = await connection.maybeOneFirst(sql.type(z.object({ position: z.string() }))`
    select position from ops.model_progress where relation = ${relationKey(relation)} and upstream = ${upstream}
  `);
  return position === null ? undefined : BigInt(position);
};

/**
 * Keeps how far a relation has consumed its upstreams; forgets others, so that their feeds can be trimmed. In a dataset
 * it never goes back: a run that was planned before another one, and comes to a model after it, finds that its loads
 * are consumed already.
 */
export const saveProgress = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  progress: readonly { readonly upstream: string; readonly position: bigint }[],
): Promise<void> => {
  const upstreams = sql.array(
    progress.map((p) => p.upstream),
    'text',
  );
  const positions = sql.array(
    progress.map((p) => p.position.toString()),
    'int8',
  );
  await connection.query(sql.typeAlias('void')`
    with forgotten as (
      delete from ops.model_progress
      where relation = ${relationKey(relation)} and upstream <> all (${upstreams})
    )
    insert into ops.model_progress (relation, upstream, position)
    select ${relationKey(relation)}, p.upstream, p.position
    from unnest(${upstreams}, ${positions}) as p (upstream, position)
    on conflict (relation, upstream) do update set position = excluded.position, updated_at = clock_timestamp()
    where model_progress.position < excluded.position
      or (model_progress.position > excluded.position and not starts_with(excluded.upstream, 'dataset:'))
  `);
};

/** Whether anybody consumes the changes of a relation; if not, its feed need not be written. */
export const hasConsumers = (connection: CommonQueryMethods, relation: RelationName): Promise<boolean> =>
  connection.exists(
    sql.typeAlias('void')`select from ops.model_progress where upstream = ${relationUpstream(relation)}`,
  );

const TrimRow = z.object({ schema: z.string(), name: z.string(), consumed: z.string() });

/** Deletes from each feed what all its consumers have passed. */
export const trimFeeds = async (pool: DatabasePool): Promise<void> => {
  const feeds = await pool.any(sql.type(TrimRow)`
    select split_part(r.relation, '.', 1) as schema, substr(r.relation, strpos(r.relation, '.') + 1) as name,
      min(p.position) as consumed
    from ops.relation as r
    inner join ops.model_progress as p on p.upstream = 'relation:' || r.relation
    where r.version > r.reset_version
    group by r.relation
  `);
  for (const { schema, name, consumed } of feeds) {
    const feed = feedRelation({ schema, name });
    await pool.query(sql.typeAlias('void')`
      delete from ${sql.identifier([feed.schema, feed.name])} where _version <= ${consumed}::bigint
    `);
  }
};

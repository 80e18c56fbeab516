import { fitIdentifier, nameHash, relationSql, sqlLiteral } from './identifiers';
import type { Manifest, ManifestNode, ManifestSource, RelationName } from './manifest';
import { shareEngine } from './render-node';

/** All schemas of this name hold shadows, and nothing else. */
export const SHADOW_PREFIX = 'strata_verify_';

/** Where a run rebuilds its models. */
export const shadowSchema = (runId: string): string => `${SHADOW_PREFIX}${nameHash(runId)}`;

/** One schema holds the shadows of several: the length of the first part keeps `a.b`.`c` and `a`.`b.c` apart. */
export const shadowRelation = (runId: string, { schema, name }: RelationName): RelationName => ({
  schema: shadowSchema(runId),
  name: fitIdentifier(`${schema.length}.${schema}.${name}`),
});

const mapValues = <T>(record: Record<string, T>, map: (value: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

/**
 * The manifest as a verification renders it: the models of `selected` lie in the run's shadow schema, and so do the
 * sources that strata loads; all else is what it was. So `ref()` of a selected model reads its shadow.
 */
export const shadowManifest = (
  manifest: Manifest,
  runId: string,
  selected: ReadonlySet<string>,
): Manifest => {
  const shadowNode = (node: ManifestNode): ManifestNode =>
    node.kind === 'model' && selected.has(node.id)
      ? { ...node, relation: shadowRelation(runId, node.relation) }
      : node;
  const shadowSource = (source: ManifestSource): ManifestSource =>
    source.dataset === undefined ? source : { ...source, relation: shadowRelation(runId, source.relation) };
  return shareEngine(manifest, {
    ...manifest,
    nodes: mapValues(manifest.nodes, shadowNode),
    sources: mapValues(manifest.sources, shadowSource),
  });
};

/** A source as a run saw it when it was planned: the rows of loads up to a position, with all columns of bronze. */
export const createPinnedSource = (
  runId: string,
  source: { readonly relation: RelationName; readonly dataset: string },
  position: bigint,
): string =>
  `create view ${relationSql(shadowRelation(runId, source.relation))} as
select * from ${relationSql(source.relation)}
where _load_id in (
  select load_id from ops.load where dataset = ${sqlLiteral(source.dataset)} and position <= ${position}
)`;

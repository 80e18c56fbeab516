import type { Manifest, ManifestModel } from './manifest';

/** The models that a node reads, also through ephemeral ones. */
export const parentsOf = (
  manifest: Manifest,
  { dependsOn }: Pick<ManifestModel, 'dependsOn'>,
): ManifestModel[] =>
  dependsOn.flatMap((id) => {
    const parent = manifest.nodes[id];
    if (parent?.kind !== 'model') return [];
    return parent.materialized === 'ephemeral' ? parentsOf(manifest, parent) : [parent];
  });

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { compileFolder } from '../project/compile-folder';
import { loadDatasets } from '../project/load-datasets';
import { type Definition, readDefinition } from './definition';

/** The project that the page is about. */
export interface DashboardProject {
  readonly projectDir: string;
  readonly manifest: Manifest;
  /** What the page shows, from `dashboard.yml` as it is now. @throws PROJECT_INVALID */
  readonly definition: () => Promise<Definition>;
  /** @throws SELECTION_EMPTY when there is none of that name */
  readonly model: (name: string) => ManifestModel;
  readonly datasetNames: () => readonly string[];
  /** @throws DATASET_UNKNOWN */
  readonly dataset: (name: string) => Dataset;
  /** The project compiled as it is now: what an action runs. */
  readonly compileNow: () => Promise<Manifest>;
}

const modelsUsed = ({ figures, charts, explore }: Definition): string[] => [
  ...figures.map((figure) => figure.model),
  ...charts.flatMap(({ model, facts }) => (facts?.of ? [model, facts.of.model] : [model])),
  ...(explore ? [explore.facts.model, explore.facts.staging, explore.history.model] : []),
];

const findModel = (manifest: Manifest, name: string): ManifestModel | undefined =>
  Object.values(manifest.nodes).find(
    (node): node is ManifestModel => node.kind === 'model' && node.name === name,
  );

const definitionReader = (projectDir: string, manifest: Manifest): (() => Promise<Definition>) => {
  let known: { readonly changedAt: number; readonly definition: Definition } | undefined;
  return async () => {
    const changedAt = await stat(join(projectDir, 'dashboard.yml')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (known?.changedAt === changedAt) return known.definition;
    const definition = await readDefinition(projectDir, manifest.project);
    const unknown = modelsUsed(definition).filter((name) => !findModel(manifest, name));
    if (unknown.length > 0)
      throw new StrataError(
        'PROJECT_INVALID',
        `dashboard.yml names models that there are not: ${[...new Set(unknown)].join(', ')}`,
      );
    known = { changedAt, definition };
    return definition;
  };
};

/** @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID, MODEL_INVALID */
export const loadDashboardProject = async (projectDir: string): Promise<DashboardProject> => {
  const [manifest, datasets] = await Promise.all([compileFolder(projectDir), loadDatasets(projectDir)]);
  const definition = definitionReader(projectDir, manifest);
  await definition();
  return {
    projectDir,
    manifest,
    definition,
    model: (name) => {
      const model = findModel(manifest, name);
      if (!model) throw new StrataError('SELECTION_EMPTY', `There is no model ${name} in ${projectDir}`);
      return model;
    },
    datasetNames: () => datasets.map(({ name }) => name).sort(),
    dataset: (name) => {
      const dataset = datasets.find((d) => d.name === name);
      if (!dataset) throw new StrataError('DATASET_UNKNOWN', `There is no dataset ${name} in ${projectDir}`);
      return dataset;
    },
    compileNow: () => compileFolder(projectDir),
  };
};

import type { ManifestDataset } from '../compiler/manifest';
import { type LoadDatasetsOptions, loadDatasets } from './load-datasets';
import { type ProjectFile, readProjectFiles } from './read-project';

/** All that a project is compiled from, but for variables. */
export interface ProjectSource {
  readonly files: readonly ProjectFile[];
  readonly datasets: readonly ManifestDataset[];
}

/** Reads the project in a folder. @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID */
export const readProjectSource = async (
  projectDir: string,
  options: LoadDatasetsOptions = {},
): Promise<ProjectSource> => {
  const [files, datasets] = await Promise.all([
    readProjectFiles(projectDir),
    loadDatasets(projectDir, options),
  ]);
  return { files, datasets: datasets.map(({ name, columns, key }) => ({ name, columns, key })) };
};

import { compileProject } from '../compiler/compile-project';
import type { Manifest } from '../compiler/manifest';
import { loadDatasets } from './load-datasets';
import { readProjectFiles } from './read-project';

/** Reads and compiles the project in a folder; `vars` go over its own. @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID, MODEL_INVALID */
export const compileFolder = async (
  projectDir: string,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> => {
  const [files, datasets] = await Promise.all([readProjectFiles(projectDir), loadDatasets(projectDir)]);
  return compileProject({
    files,
    datasets: datasets.map(({ name, columns, key }) => ({ name, columns, key })),
    vars,
  });
};

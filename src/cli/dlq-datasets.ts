/* eslint-disable @typescript-eslint/no-require-imports -- the project loads only where it is needed */
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';

/** The contracts of the project. */
export interface ProjectDatasets {
  find(name: string): Dataset | undefined;
  /** @throws DATASET_UNKNOWN */
  get(name: string): Dataset;
}

export const loadProjectDatasets = async (projectDir: string): Promise<ProjectDatasets> => {
  const { loadDatasets } = require('../project/load-datasets') as typeof import('../project/load-datasets');
  const datasets = await loadDatasets(projectDir);
  const find = (name: string): Dataset | undefined => datasets.find((dataset) => dataset.name === name);
  return {
    find,
    get: (name) => {
      const dataset = find(name);
      if (dataset) return dataset;
      throw new StrataError('DATASET_UNKNOWN', `There is no dataset ${name} in ${projectDir}`);
    },
  };
};

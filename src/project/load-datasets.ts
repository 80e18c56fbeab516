import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Dataset, isDataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import * as strata from '../index';

const DATASET_FILE = /^(?<name>[^._][^.]*)\.(ts|js)$/;

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

const datasetOf = (exported: unknown, path: string): Dataset => {
  const values = typeof exported === 'object' && exported !== null ? Object.values(exported) : [];
  const datasets = [...new Set(values.filter(isDataset))];
  const [dataset] = datasets;
  if (dataset === undefined || datasets.length > 1)
    throw new StrataError('DATASET_INVALID', `${path} exports ${datasets.length} datasets, not one`);
  const expected = basename(path).replace(DATASET_FILE, '$<name>');
  if (dataset.name !== expected)
    throw new StrataError(
      'DATASET_INVALID',
      `${path} defines dataset "${dataset.name}"; a dataset's file has its name`,
    );
  return dataset;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A dataset's file may have been loaded by another instance of this module: its errors are known by their form. */
const asDatasetError = (error: unknown, path: string): StrataError =>
  new StrataError('DATASET_INVALID', `${path}: ${messageOf(error).split('\n')[0]}`, { cause: error });

export interface LoadDatasetsOptions {
  /** A folder that nobody else may write to: keeps the files as translated to JavaScript. Default: they are not kept. */
  readonly cacheDir?: string | undefined;
}

/**
 * Loads the datasets of a project: one of each file `<project>/datasets/NAME.ts`, in the order of their names. A
 * project without that folder has none. @throws PROJECT_NOT_FOUND, DATASET_INVALID naming the file
 */
export const loadDatasets = async (
  projectDir: string,
  { cacheDir }: LoadDatasetsOptions = {},
): Promise<Dataset[]> => {
  if (!(await isFolder(projectDir)))
    throw new StrataError('PROJECT_NOT_FOUND', `There is no project at ${projectDir}`);
  const folder = join(resolve(projectDir), 'datasets');
  if (!(await isFolder(folder))) return [];
  const files = (await readdir(folder)).filter((name) => DATASET_FILE.test(name)).sort();
  if (files.length === 0) return [];
  // Loaded lazily: most commands never get here.
  const { createJiti } = await import('jiti');
  const jiti = createJiti(__filename, {
    // What `strata` means in a dataset file, wherever that lies: this very package.
    virtualModules: { strata },
    // Goes by the files' content. The default folder would be shared with whoever else may write to it.
    fsCache: cacheDir ?? false,
    // Would hide changes.
    moduleCache: false,
  });
  const datasets: Dataset[] = [];
  for (const name of files) {
    const path = join(folder, name);
    const exported = await jiti.import(path).catch((error: unknown) => {
      throw asDatasetError(error, path);
    });
    datasets.push(datasetOf(exported, path));
  }
  return datasets;
};

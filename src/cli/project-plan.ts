/* eslint-disable @typescript-eslint/no-require-imports -- the compiler loads while the servers start */
import type { CommonQueryMethods } from 'slonik';
import type { Manifest } from '../compiler/manifest';

/** Reads and compiles the project in a folder; `vars` go over its own. @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID, MODEL_INVALID */
export const compileProjectDir = async (
  projectDir: string,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> => {
  const { readProjectFiles } = require('../project/read-project') as typeof import('../project/read-project');
  const { loadDatasets } = require('../project/load-datasets') as typeof import('../project/load-datasets');
  const { compileProject } =
    require('../compiler/compile-project') as typeof import('../compiler/compile-project');
  const [files, datasets] = await Promise.all([readProjectFiles(projectDir), loadDatasets(projectDir)]);
  return compileProject({
    files,
    datasets: datasets.map(({ name, columns, key }) => ({ name, columns, key })),
    vars,
  });
};

/** Keeps the plan for the workers and returns its hash. */
export const storeProjectPlan = (db: CommonQueryMethods, manifest: Manifest): Promise<string> => {
  const { storePlan } = require('../db/plans') as typeof import('../db/plans');
  return storePlan(db, manifest);
};

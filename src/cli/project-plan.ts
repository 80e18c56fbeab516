/* eslint-disable @typescript-eslint/no-require-imports -- the compiler loads while the servers start */
import type { CommonQueryMethods } from 'slonik';
import type { Manifest } from '../compiler/manifest';

/** As `compileFolder`, which is loaded when it is first needed. */
export const compileProjectDir = async (
  projectDir: string,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> => {
  const { compileFolder } =
    require('../project/compile-folder') as typeof import('../project/compile-folder');
  return compileFolder(projectDir, vars);
};

/** Keeps the plan for the workers and returns its hash. */
export const storeProjectPlan = (db: CommonQueryMethods, manifest: Manifest): Promise<string> => {
  const { storePlan } = require('../db/plans') as typeof import('../db/plans');
  return storePlan(db, manifest);
};

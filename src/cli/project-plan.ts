/* eslint-disable @typescript-eslint/no-require-imports -- the compiler loads while the servers start, or not at all */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import type { CommonQueryMethods } from 'slonik';
import type { Manifest } from '../compiler/manifest';
import type { Config } from '../config';
import { BUILD_ID } from '../package-root';
import type { ProjectSource } from '../project/project-source';

/** As `compileFolder`, which is loaded when it is first needed. */
export const compileProjectDir = async (
  projectDir: string,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> => {
  const { compileFolder } =
    require('../project/compile-folder') as typeof import('../project/compile-folder');
  return compileFolder(projectDir, vars);
};

/** A project that was read, but not compiled yet. */
export interface ReadProject {
  readonly source: ProjectSource;
  readonly vars: Readonly<Record<string, unknown>>;
}

/** Only this user's: what lies in it is run. Undefined where it can't be made: then nothing is kept. */
const cacheDirOf = (stateDir: string): string | undefined => {
  const dir = join(stateDir, 'cache');
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return dir;
  } catch {
    return undefined;
  }
};

/** Reads a project for `storeProjectPlan`. @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID */
export const readProject = async (
  { projectDir, stateDir }: Pick<Config, 'projectDir' | 'stateDir'>,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<ReadProject> => {
  const { readProjectSource } =
    require('../project/project-source') as typeof import('../project/project-source');
  return { source: await readProjectSource(projectDir, { cacheDir: cacheDirOf(stateDir) }), vars };
};

/** The compiler is pure: what it gives is known by what it is given, and by its build. */
const sourceHashOf = ({ source, vars }: ReadProject): string | undefined =>
  BUILD_ID === undefined
    ? undefined
    : createHash('sha256').update(BUILD_ID).update(serialize({ source, vars })).digest('hex');

export interface StorePlanOptions {
  /** Whether the plan is noted for the next command that comes with the same sources; needs the transformer's role. */
  readonly note: boolean;
}

const compile = ({ source, vars }: ReadProject): Manifest => {
  const { compileSource } =
    require('../project/compile-folder') as typeof import('../project/compile-folder');
  return compileSource(source, vars);
};

/**
 * Keeps the plan of a project for the workers and returns its hash; compiles nothing that was compiled before.
 * @throws PROJECT_INVALID, MODEL_INVALID
 */
export const storeProjectPlan = async (
  db: CommonQueryMethods,
  project: ReadProject,
  { note }: StorePlanOptions,
): Promise<string> => {
  const { findPlanOfSource, notePlanOfSource } =
    require('../db/plan-sources') as typeof import('../db/plan-sources');
  const sourceHash = sourceHashOf(project);
  const known = sourceHash === undefined ? undefined : await findPlanOfSource(db, sourceHash);
  if (known !== undefined) return known;
  const { storePlan } = require('../db/plans') as typeof import('../db/plans');
  const planHash = await storePlan(db, compile(project));
  if (note && sourceHash !== undefined) await notePlanOfSource(db, { sourceHash, planHash });
  return planHash;
};

import { compileProject } from '../compiler/compile-project';
import type { Manifest } from '../compiler/manifest';
import { type ProjectSource, readProjectSource } from './project-source';

/** A project as read, compiled; `vars` go over its own. @throws PROJECT_INVALID, MODEL_INVALID */
export const compileSource = (
  source: ProjectSource,
  vars: Readonly<Record<string, unknown>> = {},
): Manifest => compileProject({ ...source, vars });

/** Reads and compiles the project in a folder; `vars` go over its own. @throws PROJECT_NOT_FOUND, PROJECT_INVALID, DATASET_INVALID, MODEL_INVALID */
export const compileFolder = async (
  projectDir: string,
  vars: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> => compileSource(await readProjectSource(projectDir), vars);

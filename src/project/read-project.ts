import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseProjectConfig, PROJECT_FILE } from '../compiler/project-config';
import type { ProjectFile } from '../compiler/yaml-file';
import { StrataError } from '../domain/errors';

export type { ProjectFile };

const READ = /\.(?:sql|ya?ml)$/;
const IGNORED = new Set(['dbt_packages', 'dbt_modules', 'target', 'node_modules']);

/**
 * Reads the files that make a dbt-style project: dbt_project.yml, and the SQL and YAML files of its folders, in the
 * order of their paths. A folder that doesn't exist has no files.
 * @throws PROJECT_NOT_FOUND without dbt_project.yml; PROJECT_INVALID when that can't be read as such.
 */
export const readProjectFiles = async (projectDir: string): Promise<ProjectFile[]> => {
  const project = await readProjectFile(projectDir);
  const { paths } = parseProjectConfig(project);
  const folders = [...new Set([...paths.models, ...paths.macros, ...paths.tests])].toSorted();
  const found = new Set<string>();
  for (const folder of folders) {
    for (const path of await filesUnder(projectDir, folder)) found.add(path);
  }
  const read = async (path: string): Promise<ProjectFile> => ({
    path,
    text: await readText(join(projectDir, path)),
  });
  return [project, ...(await Promise.all([...found].toSorted().map(read)))];
};

const readProjectFile = async (projectDir: string): Promise<ProjectFile> => {
  try {
    return { path: PROJECT_FILE, text: await readText(join(projectDir, PROJECT_FILE)) };
  } catch (error) {
    throw new StrataError('PROJECT_NOT_FOUND', `${projectDir} has no ${PROJECT_FILE}`, { cause: error });
  }
};

const readText = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');

const filesUnder = async (projectDir: string, folder: string): Promise<string[]> => {
  const entries = await readdir(join(projectDir, folder), { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const paths: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.') || IGNORED.has(entry.name)) continue;
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) paths.push(...(await filesUnder(projectDir, path)));
    else if (READ.test(entry.name)) paths.push(path);
  }
  return paths;
};

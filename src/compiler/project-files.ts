import { StrataError } from '../domain/errors';
import { parseProjectConfig, pathWithin, PROJECT_FILE, type ProjectConfig } from './project-config';
import type { ProjectFile } from './yaml-file';

/** A model or a singular test: one SQL file. */
export interface SqlFile extends ProjectFile {
  readonly name: string;
  /** dbt's fully qualified name: project, folders, name. */
  readonly fqn: readonly string[];
}

export interface SortedFiles {
  readonly config: ProjectConfig;
  readonly models: readonly SqlFile[];
  readonly singularTests: readonly SqlFile[];
  readonly macros: readonly ProjectFile[];
  readonly properties: readonly ProjectFile[];
}

/** Files of a project by their role, each in the order of its path. @throws PROJECT_NOT_FOUND without dbt_project.yml */
export const sortProjectFiles = (files: readonly ProjectFile[]): SortedFiles => {
  const project = files.find(({ path }) => path === PROJECT_FILE);
  if (!project) throw new StrataError('PROJECT_NOT_FOUND', `the project has no ${PROJECT_FILE}`);
  const config = parseProjectConfig(project);
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const { models, macros, tests } = config.paths;
  const sqlIn = (folders: readonly string[]): SqlFile[] =>
    sorted.flatMap((file) => {
      const within = pathWithin(file.path, folders);
      return within?.endsWith('.sql') ? [sqlFile(config.name, file, within)] : [];
    });
  const inTests = sqlIn(tests);
  const isGeneric = ({ fqn }: SqlFile): boolean => fqn[1] === 'generic' && fqn.length > 2;
  return {
    config,
    models: sqlIn(models),
    singularTests: inTests.filter((file) => !isGeneric(file)),
    macros: [...sqlIn(macros), ...inTests.filter(isGeneric)].map(({ path, text }) => ({ path, text })),
    properties: sorted.filter(
      ({ path }) => /\.ya?ml$/.test(path) && pathWithin(path, [...models, ...tests]) !== undefined,
    ),
  };
};

const sqlFile = (project: string, file: ProjectFile, within: string): SqlFile => {
  const parts = within.replace(/\.sql$/, '').split('/');
  return { ...file, name: parts.at(-1) ?? within, fqn: [project, ...parts] };
};

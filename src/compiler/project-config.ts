import { z } from 'zod/v4';
import { asArray, isMapping, type Mapping, mergeConfig, normalizeConfig } from './node-config';
import { parseYamlFile, type ProjectFile } from './yaml-file';

const Paths = z.array(z.string().min(1)).optional();
const Tree = z.record(z.string(), z.unknown()).nullish();

const DbtProject = z.looseObject({
  name: z.string().regex(/^[A-Za-z_]\w*$/, 'a name of letters, digits and underscores is needed'),
  'model-paths': Paths,
  'macro-paths': Paths,
  'test-paths': Paths,
  vars: Tree,
  models: Tree,
  tests: Tree,
  data_tests: Tree,
  sources: Tree,
});

/** What `dbt_project.yml` says. */
export interface ProjectConfig {
  readonly name: string;
  readonly paths: ProjectPaths;
  readonly vars: Mapping;
  readonly trees: { readonly models: Mapping; readonly tests: Mapping; readonly sources: Mapping };
}

interface ProjectPaths {
  readonly models: readonly string[];
  readonly macros: readonly string[];
  readonly tests: readonly string[];
}

export const PROJECT_FILE = 'dbt_project.yml';

/** @throws PROJECT_INVALID */
export const parseProjectConfig = (file: ProjectFile): ProjectConfig => {
  const { value } = parseYamlFile(file, DbtProject);
  const vars = value.vars ?? {};
  const own = vars[value.name];
  return {
    name: value.name,
    paths: {
      models: cleanPaths(value['model-paths'], 'models'),
      macros: cleanPaths(value['macro-paths'], 'macros'),
      tests: cleanPaths(value['test-paths'], 'tests'),
    },
    vars: isMapping(own) ? { ...vars, ...own } : vars,
    trees: {
      models: value.models ?? {},
      tests: { ...value.tests, ...value.data_tests },
      sources: value.sources ?? {},
    },
  };
};

const cleanPaths = (paths: readonly string[] | undefined, otherwise: string): string[] =>
  (paths ?? [otherwise]).map((path) => path.replace(/^\.\//, '').replace(/\/+$/, ''));

/**
 * The configuration that a tree of `dbt_project.yml` gives to the node with this fully qualified name
 * (project, folders, name). A `+key`, or a key whose value is no mapping, is configuration; other keys are folders.
 */
export const treeConfig = (tree: Mapping, fqn: readonly string[]): Mapping => {
  let config: Mapping = {};
  let level: unknown = tree;
  for (const part of [undefined, ...fqn]) {
    if (part !== undefined) level = (level as Mapping)[part];
    if (!isMapping(level)) break;
    const own = Object.entries(level).filter(([key, value]) => key.startsWith('+') || !isMapping(value));
    config = mergeConfig(config, normalizeConfig(Object.fromEntries(own)));
  }
  return config;
};

/** The path without the project's folder it lies in (`models/staging/x.sql` -> `staging/x.sql`), if it is in one of them. */
export const pathWithin = (path: string, folders: readonly string[]): string | undefined => {
  const folder = asArray(folders).find((candidate) => path.startsWith(`${String(candidate)}/`));
  return folder === undefined ? undefined : path.slice(String(folder).length + 1);
};

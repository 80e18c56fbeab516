import { topologicalOrder } from '../domain/graph';
import { StrataError } from '../domain/errors';
import { compileModels } from './compile-models';
import { compileSources } from './compile-sources';
import { compileTests } from './compile-tests';
import { createJinjaEngine, type JinjaEngine } from './jinja-engine';
import { macroDefinitions } from './jinja-rewrite';
import type { Manifest, ManifestDataset, ManifestMacroFile, ManifestNode } from './manifest';
import type { ParseContext } from './parse-node';
import { sortProjectFiles, type SortedFiles } from './project-files';
import { parsePropertiesFile } from './properties';
import { keepEngine } from './render-node';
import { TemplateError } from './template-error';
import { type ProjectFile, projectInvalid } from './yaml-file';

/**
 * Compiles the files of a dbt-style project. Pure; the same files always give the same manifest.
 * @throws PROJECT_NOT_FOUND without dbt_project.yml; PROJECT_INVALID and MODEL_COMPILE_FAILED naming file and, where known, line.
 */
export const compileProject = (input: {
  readonly files: readonly ProjectFile[];
  readonly datasets: readonly ManifestDataset[];
  /** `--vars`, for templates that need them to be compiled; they don't become a part of the manifest. */
  readonly vars?: Readonly<Record<string, unknown>> | undefined;
}): Manifest => {
  const sorted = sortProjectFiles(input.files);
  const { config } = sorted;
  const properties = sorted.properties.map(parsePropertiesFile);
  const macros = macroFiles(sorted);
  const engine = projectEngine(config.name, macros);

  const { sources, disabled: disabledSources } = compileSources(config, properties, input.datasets);
  const context: ParseContext = {
    project: config.name,
    engine,
    vars: { ...config.vars, ...input.vars },
    modelNames: new Set(sorted.models.map(({ name }) => name)),
    sources,
  };
  const models = compileModels({
    config,
    context,
    files: sorted.models,
    properties,
    datasets: input.datasets,
  });
  const tests = compileTests({
    config,
    context,
    properties,
    singular: sorted.singularTests,
    models: models.enabled,
    disabled: new Set([...models.disabled, ...disabledSources]),
  });

  const manifest: Manifest = {
    project: config.name,
    nodes: Object.fromEntries([...models.enabled, ...tests].map((node) => [node.id, node])),
    sources,
    datasets: Object.fromEntries(byName(input.datasets).map((dataset) => [dataset.name, dataset])),
    vars: config.vars,
    macros,
  };
  checkGraph(manifest, models.disabled);
  keepEngine(manifest, engine);
  return manifest;
};

const byName = (datasets: readonly ManifestDataset[]): ManifestDataset[] =>
  datasets
    .map(({ name, columns, key }) => ({
      name,
      columns: columns.map((column) => ({ name: column.name, type: column.type })),
      key: [...key],
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));

const macroFiles = ({ macros }: SortedFiles): ManifestMacroFile[] => {
  const owners = new Map<string, string>();
  for (const file of macros) {
    for (const name of macroDefinitions(file.text).names) {
      const owner = owners.get(name);
      if (owner !== undefined)
        throw projectInvalid(file.path, undefined, `macro ${name} is also in ${owner}`);
      owners.set(name, file.path);
    }
  }
  return macros.map(({ path, text }) => ({ path, source: text }));
};

const projectEngine = (project: string, macros: readonly ManifestMacroFile[]): JinjaEngine => {
  try {
    return createJinjaEngine(project, macros);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const { file, line } = error.place;
    throw new StrataError('MODEL_COMPILE_FAILED', `${file}:${line ?? 1}: ${error.message}`, { cause: error });
  }
};

const checkGraph = (manifest: Manifest, disabled: ReadonlySet<string>): void => {
  const nodes = Object.values(manifest.nodes);
  for (const node of nodes) {
    const missing = node.dependsOn.find((id) => disabled.has(id));
    if (missing !== undefined)
      throw projectInvalid(node.path, undefined, `${node.id} depends on ${missing}, which is disabled`);
  }
  const ordering = topologicalOrder(new Map(nodes.map((node: ManifestNode) => [node.id, node.dependsOn])));
  if (ordering.kind === 'ordered') return;
  const [first = ''] = ordering.ids;
  const names = ordering.ids.map((id) => manifest.nodes[id]?.name ?? id);
  throw projectInvalid(
    manifest.nodes[first]?.path ?? first,
    undefined,
    `a cycle of references: ${names.join(' -> ')}`,
  );
};

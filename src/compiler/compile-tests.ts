import { sourceId } from './compile-sources';
import { genericTest, testSeverity, type TestOwner } from './generic-tests';
import type { ManifestModel, ManifestTest } from './manifest';
import { configTags, isEnabled, type Mapping, mergeConfig, normalizeConfig } from './node-config';
import { type ParseContext, parseNode } from './parse-node';
import { type ProjectConfig, treeConfig } from './project-config';
import type { SqlFile } from './project-files';
import { type PropertiesFile, type TestDeclaration, testDeclarations } from './properties';
import { projectInvalid } from './yaml-file';

export interface CompileTestsInput {
  readonly config: ProjectConfig;
  readonly context: ParseContext;
  readonly properties: readonly PropertiesFile[];
  readonly singular: readonly SqlFile[];
  readonly models: readonly ManifestModel[];
  /** Ids of models and sources that are disabled; tests that read one are left out with it. */
  readonly disabled: ReadonlySet<string>;
}

interface TestSource {
  readonly name: string;
  readonly path: string;
  readonly line?: number | undefined;
  readonly rawCode: string;
  readonly fqn: readonly string[];
  readonly config: Mapping;
}

/** Generic tests of the properties files, then the SQL files of the tests' folder. @throws PROJECT_INVALID, MODEL_COMPILE_FAILED */
export const compileTests = (input: CompileTestsInput): ManifestTest[] => {
  const sources = [...genericSources(input), ...input.singular.map(singularSource)];
  const tests = new Map<string, ManifestTest>();
  for (const source of sources) {
    const test = compileTest(input, source);
    if (!isEnabled(test.config) || test.dependsOn.some((id) => input.disabled.has(id))) continue;
    if (tests.has(test.id))
      throw projectInvalid(source.path, source.line, `test ${test.name} is declared twice`);
    tests.set(test.id, test);
  }
  return [...tests.values()];
};

const singularSource = (file: SqlFile): TestSource => ({
  name: file.name,
  path: file.path,
  rawCode: file.text,
  fqn: file.fqn,
  config: {},
});

const genericSources = (input: CompileTestsInput): TestSource[] => {
  const models = new Set(input.models.map(({ name }) => name));
  return input.properties.flatMap((file) => {
    const ofModels = (file.value.models ?? []).flatMap((model, i) =>
      models.has(model.name)
        ? testDeclarations(file, model, ['models', i]).map((declaration) =>
            genericSource(input, declaration, {
              name: model.name,
              isSource: false,
              reference: `ref('${model.name}')`,
            }),
          )
        : [],
    );
    const ofSources = (file.value.sources ?? []).flatMap((source, s) =>
      (source.tables ?? []).flatMap((table, t) =>
        input.disabled.has(sourceId(input.config.name, source.name, table.name))
          ? []
          : testDeclarations(file, table, ['sources', s, 'tables', t]).map((declaration) =>
              genericSource(input, declaration, {
                name: `${source.name}_${table.name}`,
                isSource: true,
                reference: `source('${source.name}', '${table.name}')`,
              }),
            ),
      ),
    );
    return [...ofModels, ...ofSources];
  });
};

const genericSource = (
  { config, context }: CompileTestsInput,
  declaration: TestDeclaration,
  owner: TestOwner,
): TestSource => {
  const { file, line, test } = declaration;
  if (!context.engine.macroNames.has(`test_${test}`)) {
    throw projectInvalid(
      file,
      line,
      `there is no generic test ${test}; a {% test ${test}(model) %} block defines one`,
    );
  }
  const { name, rawCode } = genericTest(declaration, owner);
  return {
    name,
    path: file,
    line,
    rawCode,
    fqn: [config.name, ...file.split('/').slice(1, -1), name],
    config: declaration.config,
  };
};

const compileTest = ({ config, context }: CompileTestsInput, source: TestSource): ManifestTest => {
  const { name, path, rawCode } = source;
  const id = `test.${config.name}.${name}`;
  const fromFiles = mergeConfig(treeConfig(config.trees.tests, source.fqn), normalizeConfig(source.config));
  const file = path.endsWith('.sql') ? path : id;
  const parsed = isEnabled(fromFiles)
    ? parseNode(context, { id, name, path, file, rawCode, config: fromFiles, hasRelation: false })
    : { config: fromFiles, dependsOn: [] };
  const severity = testSeverity(parsed.config);
  if (!severity) throw projectInvalid(path, source.line, `test ${name}: severity is warn or error`);
  return {
    kind: 'test',
    id,
    name,
    path,
    rawCode,
    config: { ...parsed.config },
    tags: configTags(parsed.config),
    dependsOn: parsed.dependsOn,
    severity,
  };
};

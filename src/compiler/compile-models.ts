import { partsOf } from './ephemeral';
import { isIdentifier } from './identifiers';
import type { ManifestDataset, ManifestModel, RelationName } from './manifest';
import { configTags, isEnabled, type Mapping, mergeConfig, normalizeConfig } from './node-config';
import { type Consumes, type ParseContext, parseNode } from './parse-node';
import { type ProjectConfig, treeConfig } from './project-config';
import type { SqlFile } from './project-files';
import type { ModelProperties, PropertiesFile } from './properties';
import { DEFAULT_SCHEMA } from './render-template';
import { BRONZE_SCHEMA } from './compile-sources';
import { SHADOW_PREFIX } from './shadow';
import { projectInvalid } from './yaml-file';

/** Schemas that hold strata's own tables; a model there could harm it. */
const OWN_SCHEMAS = new Set(['ops', 'strata_bronze', 'strata_feed', 'strata_keys']);

export interface CompileModelsInput {
  readonly config: ProjectConfig;
  readonly context: ParseContext;
  readonly files: readonly SqlFile[];
  readonly properties: readonly PropertiesFile[];
  readonly datasets: readonly ManifestDataset[];
}

export interface CompiledModels {
  readonly enabled: readonly ManifestModel[];
  readonly disabled: ReadonlySet<string>;
}

/** @throws PROJECT_INVALID, MODEL_COMPILE_FAILED */
export const compileModels = (input: CompileModelsInput): CompiledModels => {
  checkNames(input.files);
  const properties = modelProperties(input);
  const disabled = new Set<string>();
  const enabled: ManifestModel[] = [];
  for (const file of input.files) {
    const model = compileModel(input, file, properties.get(file.name));
    if (isEnabled(model.config)) enabled.push(model);
    else disabled.add(model.id);
  }
  checkRelations(enabled, input.datasets);
  const byId = new Map(enabled.map((model) => [model.id, model]));
  const consumesOf = (model: ManifestModel): Consumes =>
    consumesThrough(partsOf(model, (id) => byId.get(id)));
  return { enabled: enabled.map((model) => ({ ...model, consumes: consumesOf(model) })), disabled };
};

/** What a model consumes itself and through the ephemeral models that become a part of it. */
const consumesThrough = (parts: readonly ManifestModel[]): Consumes => {
  const union = (key: keyof Consumes): string[] =>
    [...new Set(parts.flatMap(({ consumes }) => consumes[key]))].toSorted();
  return { datasets: union('datasets'), models: union('models') };
};

const checkNames = (files: readonly SqlFile[]): void => {
  const paths = new Map<string, string>();
  for (const { name, path } of files) {
    const other = paths.get(name);
    if (other !== undefined) throw projectInvalid(path, undefined, `model ${name} is also in ${other}`);
    paths.set(name, path);
  }
};

const modelProperties = ({ files, properties }: CompileModelsInput): Map<string, ModelProperties> => {
  const names = new Set(files.map(({ name }) => name));
  const found = new Map<string, ModelProperties>();
  for (const file of properties) {
    for (const [i, model] of (file.value.models ?? []).entries()) {
      const line = file.lineOf(['models', i]);
      if (!names.has(model.name)) throw projectInvalid(file.path, line, `there is no model ${model.name}`);
      if (found.has(model.name))
        throw projectInvalid(file.path, line, `model ${model.name} is described twice`);
      found.set(model.name, model);
    }
  }
  return found;
};

const compileModel = (
  { config, context }: CompileModelsInput,
  file: SqlFile,
  properties: ModelProperties | undefined,
): ManifestModel => {
  const id = `model.${config.name}.${file.name}`;
  const fromFiles = mergeConfig(
    { materialized: 'view', ...treeConfig(config.trees.models, file.fqn) },
    normalizeConfig(properties?.config ?? {}),
  );
  const parse = {
    id,
    name: file.name,
    path: file.path,
    file: file.path,
    rawCode: file.text,
    hasRelation: true,
  };
  // A model that the files disable may refer to anything, so it isn't even parsed.
  const parsed = isEnabled(fromFiles)
    ? parseNode(context, { ...parse, config: fromFiles })
    : { config: fromFiles, dependsOn: [], consumes: { datasets: [], models: [] } };
  return {
    kind: 'model',
    id,
    name: file.name,
    path: file.path,
    rawCode: file.text,
    config: { ...parsed.config },
    tags: configTags(parsed.config),
    dependsOn: parsed.dependsOn,
    consumes: parsed.consumes,
    relation: relationOf(file, parsed.config),
    materialized: textConfig(file, parsed.config, 'materialized') ?? 'view',
    description: properties?.description ?? '',
  };
};

/** `schema` is taken as it is, without dbt's prefix of the target's schema. */
const relationOf = (file: SqlFile, config: Mapping): RelationName => {
  const relation = {
    schema: textConfig(file, config, 'schema') ?? DEFAULT_SCHEMA,
    name: textConfig(file, config, 'alias') ?? file.name,
  };
  for (const name of [relation.schema, relation.name]) {
    if (!isIdentifier(name))
      throw projectInvalid(file.path, undefined, `${JSON.stringify(name)} is longer than 63 bytes`);
  }
  if (OWN_SCHEMAS.has(relation.schema) || relation.schema.startsWith(SHADOW_PREFIX)) {
    throw projectInvalid(file.path, undefined, `schema ${relation.schema} is strata's own`);
  }
  return relation;
};

const textConfig = (file: SqlFile, config: Mapping, key: string): string | undefined => {
  const value = config[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw projectInvalid(file.path, undefined, `config ${key} must be text, not ${JSON.stringify(value)}`);
};

const checkRelations = (models: readonly ManifestModel[], datasets: readonly ManifestDataset[]): void => {
  const key = ({ schema, name }: RelationName): string => `${schema}.${name}`;
  const owners = new Map(datasets.map(({ name }) => [`${BRONZE_SCHEMA}.${name}`, `dataset ${name}`]));
  for (const model of models.filter(({ materialized }) => materialized !== 'ephemeral')) {
    const relation = key(model.relation);
    const owner = owners.get(relation);
    if (owner !== undefined)
      throw projectInvalid(model.path, undefined, `${relation} is already that of ${owner}`);
    owners.set(relation, `model ${model.name}`);
  }
};

import type { StrataError } from '../domain/errors';
import { isIdentifier } from './identifiers';
import type { ManifestDataset, ManifestSource } from './manifest';
import { isEnabled, type Mapping, mergeConfig, normalizeConfig } from './node-config';
import { type ProjectConfig, treeConfig } from './project-config';
import type { PropertiesFile, SourceProperties, SourceTableProperties } from './properties';
import { Freshness, mergeFreshness } from './source-freshness';
import { projectInvalid } from './yaml-file';

/** The schema of strata's own bronze relations. */
export const BRONZE_SCHEMA = 'bronze';

export interface CompiledSources {
  readonly sources: Record<string, ManifestSource>;
  readonly disabled: ReadonlySet<string>;
}

/** @throws PROJECT_INVALID when two files declare the same source table. */
export const compileSources = (
  config: ProjectConfig,
  properties: readonly PropertiesFile[],
  datasets: readonly ManifestDataset[],
): CompiledSources => {
  const sources: Record<string, ManifestSource> = {};
  const disabled = new Set<string>();
  const owners = new Map<string, string>();
  for (const file of properties) {
    for (const [s, source] of (file.value.sources ?? []).entries()) {
      for (const [t, table] of (source.tables ?? []).entries()) {
        const line = file.lineOf(['sources', s, 'tables', t]);
        const id = sourceId(config.name, source.name, table.name);
        const owner = owners.get(id);
        if (owner !== undefined) {
          throw projectInvalid(file.path, line, `source ${source.name}.${table.name} is also in ${owner}`);
        }
        owners.set(id, file.path);
        if (!isEnabled(sourceConfig(config, source, table))) disabled.add(id);
        else {
          const invalid = (message: string): StrataError =>
            projectInvalid(file.path, line, `source ${source.name}.${table.name}: ${message}`);
          sources[id] = manifestSource(id, { config, source, table, invalid }, datasets);
        }
        const relation = sources[id]?.relation;
        if (relation && !(isIdentifier(relation.schema) && isIdentifier(relation.name))) {
          throw projectInvalid(
            file.path,
            line,
            `source ${source.name}.${table.name}: a name is longer than 63 bytes`,
          );
        }
      }
    }
  }
  return { sources, disabled };
};

export const sourceId = (project: string, sourceName: string, table: string): string =>
  `source.${project}.${sourceName}.${table}`;

const sourceConfig = (
  config: ProjectConfig,
  source: SourceProperties,
  table: SourceTableProperties,
): Mapping =>
  [source.config, table.config].reduce<Mapping>(
    (merged, own) => mergeConfig(merged, normalizeConfig(own ?? {})),
    treeConfig(config.trees.sources, [config.name, source.name, table.name]),
  );

const manifestSource = (
  id: string,
  {
    config,
    source,
    table,
    invalid,
  }: {
    config: ProjectConfig;
    source: SourceProperties;
    table: SourceTableProperties;
    invalid: (message: string) => StrataError;
  },
  datasets: readonly ManifestDataset[],
): ManifestSource => {
  const relation = { schema: source.schema ?? source.name, name: table.identifier ?? table.name };
  const isDataset = relation.schema === BRONZE_SCHEMA && datasets.some(({ name }) => name === relation.name);
  const loadedAtField = firstSet(
    table.config?.['loaded_at_field'],
    table.loaded_at_field,
    source.config?.['loaded_at_field'],
    source.loaded_at_field,
  );
  return {
    id,
    sourceName: source.name,
    name: table.name,
    relation,
    ...(typeof loadedAtField === 'string' ? { loadedAtField } : {}),
    ...freshnessOf(config, source, table, invalid),
    ...(isDataset ? { dataset: relation.name } : {}),
  };
};

const firstSet = (...values: unknown[]): unknown =>
  values.find((value) => value !== undefined && value !== null);

/** @throws PROJECT_INVALID for limits that can't be read */
const freshnessOf = (
  config: ProjectConfig,
  source: SourceProperties,
  table: SourceTableProperties,
  invalid: (message: string) => StrataError,
): Pick<ManifestSource, 'freshness' | 'eventFreshness'> => {
  const read = (holder: Mapping | null | undefined, key: string): Freshness => {
    const parsed = Freshness.safeParse(holder?.[key]);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw invalid(`${[key, ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? ''}`);
  };
  const tree = treeConfig(config.trees.sources, [config.name, source.name, table.name]);
  const levels = [tree, source, source.config, table, table.config];
  return mergeFreshness({
    freshness: levels.map((level) => read(level, 'freshness')),
    events: levels.map((level) => read(level?.['meta'] as Mapping | undefined, 'event_freshness')),
  });
};

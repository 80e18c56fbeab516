import { fitIdentifier } from './identifiers';
import type { JinjaEngine } from './jinja-engine';
import type { ManifestSource, RelationName } from './manifest';
import type { Mapping } from './node-config';
import { renderTemplate } from './render-template';
import { compileFailed, TemplateError, TemplateFailure } from './template-error';

export interface ParseContext {
  readonly project: string;
  readonly engine: JinjaEngine;
  readonly vars: Mapping;
  readonly modelNames: ReadonlySet<string>;
  readonly sources: Readonly<Record<string, ManifestSource>>;
}

export interface ParseInput {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Names the template in errors; its path, unless it shares that with others. */
  readonly file: string;
  readonly rawCode: string;
  readonly config: Mapping;
  readonly hasRelation: boolean;
}

export interface ParsedNode {
  readonly config: Mapping;
  readonly dependsOn: readonly string[];
  readonly consumes: Consumes;
}

/** What a node reads by what it has not consumed: datasets by name, models by id. */
export interface Consumes {
  readonly datasets: readonly string[];
  readonly models: readonly string[];
}

interface Found {
  readonly dependsOn: Set<string>;
  readonly datasets: Set<string>;
  readonly models: Set<string>;
}

/** The first is the one that decides; the others only look for further references behind these conditions. */
const PASSES = [
  { execute: false, incremental: false },
  { execute: false, incremental: true },
  { execute: true, incremental: true },
  { execute: true, incremental: false },
] as const;

/** Stands for relations while their names aren't known yet. */
const placeholder = (name: string): RelationName => ({ schema: '__parsing', name: fitIdentifier(name) });

/**
 * Finds a node's configuration and all it refers to, without a database: renders it with each combination of
 * `execute` and `is_incremental()`, every fact being absent.
 * @throws MODEL_COMPILE_FAILED with file and line.
 */
export const parseNode = (context: ParseContext, input: ParseInput): ParsedNode => {
  const found: Found = { dependsOn: new Set(), datasets: new Set(), models: new Set() };
  let config: Mapping = input.config;
  for (const [index, pass] of PASSES.entries()) {
    try {
      const rendered = renderTemplate(parseTemplate(context, input, pass, found));
      if (index === 0) config = rendered.config;
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      if (index === 0 || error.certain) throw compileFailed(error, input.id, input.path);
    }
  }
  return {
    config,
    dependsOn: [...found.dependsOn].toSorted(),
    consumes: { datasets: [...found.datasets].toSorted(), models: [...found.models].toSorted() },
  };
};

const parseTemplate = (
  context: ParseContext,
  input: ParseInput,
  pass: (typeof PASSES)[number],
  found: Found,
): Parameters<typeof renderTemplate>[0] => {
  const { project, engine, sources } = context;
  return {
    engine,
    file: input.file,
    rawCode: input.rawCode,
    node: {
      id: input.id,
      name: input.name,
      relation: input.hasRelation ? placeholder(input.name) : undefined,
    },
    baseConfig: input.config,
    vars: context.vars,
    ...pass,
    invocation: { runId: '00000000-0000-0000-0000-000000000000', startedAt: '1970-01-01T00:00:00.000Z' },
    target: { database: 'database', warehouse: 'strata' },
    project,
    fact: () => undefined,
    consumed: (what) => {
      if ('dataset' in what) found.datasets.add(what.dataset);
      else {
        const models = [...context.modelNames].filter((name) => placeholder(name).name === what.model.name);
        for (const name of models) found.models.add(`model.${project}.${name}`);
      }
    },
    sourceOf: (relation) =>
      Object.values(sources).find(
        (source) => source.relation.schema === relation.schema && source.relation.name === relation.name,
      ),
    ref: (name) => {
      if (!context.modelNames.has(name)) {
        throw new TemplateFailure(`ref('${name}'): there is no model ${name}`, true);
      }
      found.dependsOn.add(`model.${project}.${name}`);
      return { relation: placeholder(name) };
    },
    source: (sourceName, table) => {
      const source = sources[`source.${project}.${sourceName}.${table}`];
      if (!source) {
        throw new TemplateFailure(`source('${sourceName}', '${table}'): no YAML file declares it`, true);
      }
      found.dependsOn.add(source.id);
      return source.relation;
    },
  };
};

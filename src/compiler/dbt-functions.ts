import type { FactRequest, QueryFact, RelationFact } from './facts';
import { quoteIdentifier, sqlLiteral } from './identifiers';
import type { RelationName } from './manifest';
import { type Mapping, mergeConfig, normalizeConfig } from './node-config';
import { noResult, queryResult } from './query-result';
import { TemplateFailure } from './template-error';
import {
  defaultOf,
  HandleValue,
  plainValue,
  RelationValue,
  textOf,
  type TemplateFunction,
} from './template-values';

export interface DbtFunctionsInput {
  readonly node: { readonly id: string; readonly name: string; readonly relation?: RelationName | undefined };
  /** What dbt_project.yml and the YAML properties say, and what an earlier rendering found. */
  readonly baseConfig: Mapping;
  readonly vars: Mapping;
  readonly execute: boolean;
  readonly incremental: boolean;
  readonly invocation: { readonly runId: string; readonly startedAt: string };
  readonly target: { readonly database: string; readonly warehouse: string; readonly schema: string };
  readonly project: string;
  /** The relation of a model; `sql` where it prints otherwise, as an ephemeral one does. */
  readonly ref: (name: string) => { readonly relation: RelationName; readonly sql?: string | undefined };
  readonly source: (sourceName: string, table: string) => RelationName;
  readonly fact: (request: FactRequest) => unknown;
}

export interface DbtFunctions {
  readonly globals: Readonly<Record<string, unknown>>;
  /** The configuration so far: that of the files, and over it that of `config(...)`. */
  readonly config: () => Mapping;
}

/** dbt's functions and variables in templates. */
export const dbtFunctions = (input: DbtFunctionsInput): DbtFunctions => {
  let config = input.baseConfig;
  const relations = relationCache();
  const { node, target } = input;
  return {
    config: () => config,
    globals: {
      ref: refFunction(input, relations),
      source: (name: unknown, table: unknown) =>
        relations(input.source(textArgument('source', name), textArgument('source', table))),
      this: node.relation && relations(node.relation, { database: target.database }),
      config: (...args: unknown[]) => {
        config = mergeConfig(config, configArguments(args));
        return '';
      },
      ...configMethods(() => config),
      ...variableFunctions(input.vars),
      ...databaseFunctions(input, relations),
      ...messageFunctions,
      ...dataFunctions,
      is_incremental: () => input.incremental,
      execute: input.execute,
      run_started_at: input.invocation.startedAt,
      invocation_id: input.invocation.runId,
      target: { ...target, name: target.warehouse, dbname: target.database, type: 'postgres' },
      project_name: input.project,
      model: { unique_id: node.id, name: node.name, config: plainValue(input.baseConfig) },
    },
  };
};

type Relations = (relation: RelationName, extra?: Mapping, sql?: string) => RelationValue;

/** One value for one relation, so that `ref('x') == this` can hold. */
const relationCache = (): Relations => {
  const known = new Map<string, RelationValue>();
  return (relation, extra, sql) => {
    const key = JSON.stringify([relation.schema, relation.name, extra ?? {}, sql]);
    const value = known.get(key) ?? new RelationValue(relation, extra, sql);
    known.set(key, value);
    return value;
  };
};

const refFunction =
  (input: DbtFunctionsInput, relations: Relations): TemplateFunction =>
  (...args) => {
    const names = args.filter((arg) => typeof arg === 'string');
    if (args.length !== names.length || names.length < 1 || names.length > 2) {
      throw new TemplateFailure(
        "ref() takes the name of a model: ref('name') or ref('project', 'name')",
        true,
      );
    }
    const [name = '', project] = names.toReversed();
    if (project !== undefined && project !== input.project) {
      throw new TemplateFailure(`ref('${project}', '${name}'): there is no project ${project} here`, true);
    }
    const { relation, sql } = input.ref(name);
    return relations(relation, undefined, sql);
  };

const textArgument = (name: string, value: unknown): string => {
  if (typeof value === 'string') return value;
  throw new TemplateFailure(`${name}() takes text, not ${textOf(value)}`);
};

/** `config(a=1)` and `config({'a': 1})` arrive alike. */
const configArguments = (args: readonly unknown[]): Mapping => {
  const [config, ...rest] = args;
  if (args.length === 0) return {};
  if (!(config instanceof Map) || rest.length > 0)
    throw new TemplateFailure('config() takes key=value pairs', true);
  return normalizeConfig(plainValue(config) as Mapping);
};

const configMethods = (config: () => Mapping): Record<string, TemplateFunction> => ({
  __config_get: (name, otherwise) => {
    return config()[String(name)] ?? defaultOf(otherwise);
  },
  __config_require: (name) => {
    const value = config()[String(name)];
    if (value === undefined) throw new TemplateFailure(`config() lacks ${String(name)}`);
    return value;
  },
});

const variableFunctions = (vars: Mapping): Record<string, TemplateFunction> => ({
  var: (name, otherwise) => {
    const key = textArgument('var', name);
    if (Object.hasOwn(vars, key)) return vars[key];
    if (otherwise === undefined) {
      throw new TemplateFailure(
        `var('${key}') has no value and no default; set it in dbt_project.yml or with --vars`,
      );
    }
    return defaultOf(otherwise);
  },
  env_var: (name) => {
    throw new TemplateFailure(
      `env_var('${String(name)}') isn't supported, as a run may execute on another host; use var()`,
      true,
    );
  },
});

const databaseFunctions = (input: DbtFunctionsInput, relations: Relations): Mapping => {
  const relationFact = (relation: RelationName): RelationFact | undefined =>
    input.execute ? (input.fact({ kind: 'relation', relation }) as RelationFact | undefined) : undefined;
  const load = (relation: RelationName): RelationValue | null => {
    const fact = relationFact(relation);
    if (!fact?.exists) return null;
    const { type = 'other' } = fact;
    return relations(relation, { type, is_view: type === 'view', is_table: type === 'table' });
  };
  return {
    run_query: (sql: unknown) => {
      const text = textArgument('run_query', sql);
      if (!input.execute) return queryResult(noResult);
      return queryResult((input.fact({ kind: 'query', sql: text }) as QueryFact | undefined) ?? noResult);
    },
    load_relation: (relation: unknown) => load(relationArgument('load_relation', relation)),
    adapter: {
      get_relation: (...args: unknown[]) => load(getRelationArguments(args)),
      get_columns_in_relation: (relation: unknown) =>
        (relationFact(relationArgument('get_columns_in_relation', relation))?.columns ?? []).map(columnValue),
      quote: (name: unknown) => quoteIdentifier(textArgument('quote', name)),
    },
    api: {
      Relation: {
        create: (...args: unknown[]) => relations(getRelationArguments(args)),
      },
    },
  };
};

const relationArgument = (name: string, value: unknown): RelationName => {
  if (value instanceof RelationValue) return value.relation;
  throw new TemplateFailure(`${name}() takes a relation, not ${textOf(value)}`);
};

const getRelationArguments = (args: readonly unknown[]): RelationName => {
  const named =
    args.at(-1) instanceof Map ? (args.at(-1) as Map<unknown, unknown>) : new Map<unknown, unknown>();
  const [, schema, identifier] = args.filter((arg) => !(arg instanceof Map));
  return {
    schema: textArgument('get_relation', named.get('schema') ?? schema),
    name: textArgument('get_relation', named.get('identifier') ?? identifier),
  };
};

const columnValue = (column: { name: string; type: string }): HandleValue =>
  new HandleValue({
    name: column.name,
    column: column.name,
    dtype: column.type,
    data_type: column.type,
    quoted: quoteIdentifier(column.name),
  });

const messageFunctions: Mapping = {
  log: () => '',
  print: () => '',
  exceptions: {
    raise_compiler_error: (message: unknown) => {
      throw new TemplateFailure(textOf(message));
    },
    warn: () => '',
  },
};

const dataFunctions: Record<string, TemplateFunction> = {
  tojson: (value) => JSON.stringify(plainValue(value)),
  fromjson: (text) => JSON.parse(textArgument('fromjson', text)) as unknown,
  zip: (...lists) => {
    const arrays = lists.map((list) => (Array.isArray(list) ? (list as unknown[]) : []));
    return (arrays[0] ?? [])
      .slice(0, Math.min(...arrays.map((a) => a.length)))
      .map((_, i) => arrays.map((a) => a[i]));
  },
  sql_literal: (value) => sqlLiteral(textOf(value)),
};

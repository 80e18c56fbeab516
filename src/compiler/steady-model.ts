import { partsOf } from './ephemeral';
import { isTracked } from './materializations/model-config';
import type { Manifest, ManifestModel, RelationName } from './manifest';

/** All that a model's rows follow from, besides its definition and variables. */
export interface SteadyInputs {
  /** Names of the datasets that it consumes. */
  readonly datasets: readonly string[];
  /** Tracked relations that it reads. */
  readonly relations: readonly RelationName[];
  /** Names that its SQL may call as functions, in lower case. */
  readonly calls: readonly string[];
}

/** PostgreSQL's names for what moves while no table does, and templates' names for what comes from outside. */
const MOVES = new RegExp(
  String.raw`\b(?:now|age)\s*\(|\b(?:current_\w+|localtime|localtimestamp|transaction_timestamp|statement_timestamp|session_user` +
    String.raw`|system_user|user|pg_\w+|tablesample|run_started_at|invocation_id|run_query|statement|load_result|load_relation` +
    String.raw`|modules|adapter|api|target)\b|'(?:now|today|tomorrow|yesterday)\b`,
  'i',
);

/** Without comments; a string's `--` begins none. */
const withoutComments = (text: string): string =>
  text.replaceAll(
    /('(?:[^']|'')*')|--[^\n]*|\{#[\s\S]*?#\}/g,
    (_, literal: string | undefined) => literal ?? ' ',
  );

const CALL = /([a-z_]\w*)\s*\(|"([^"]+)"\s*\(/gi;

const callsIn = (texts: readonly string[]): string[] => {
  const names = texts.flatMap((text) =>
    [...text.matchAll(CALL)].map(([, bare, quoted]) => bare ?? quoted ?? ''),
  );
  return [...new Set(names.map((name) => name.toLowerCase()))].toSorted();
};

/**
 * What a model reads, if that is all that its rows follow from: datasets that it consumes and relations whose versions
 * strata counts. Undefined where something else may have moved meanwhile: the time, a table of others, a source that it
 * reads as a whole. Goes by the words of its template, so rather once too often undefined; what it calls is for the
 * database to judge.
 */
export const steadyInputs = (manifest: Manifest, model: ManifestModel): SteadyInputs | undefined => {
  const { datasets, models } = model.consumes;
  if (!isTracked(model.materialized) || model.config.full_refresh === true) return undefined;
  if (datasets.length + models.length === 0) return undefined;
  const parts = partsOf(model, (id) => manifest.nodes[id]);
  const templates = [...parts.map((part) => part.rawCode), ...manifest.macros.map((macro) => macro.source)];
  const texts = templates.map(withoutComments);
  if (texts.some((text) => MOVES.test(text))) return undefined;
  const relations = new Map<string, RelationName>();
  for (const id of parts.flatMap((part) => part.dependsOn)) {
    const node = manifest.nodes[id];
    const source = manifest.sources[id];
    if (source && !(source.dataset !== undefined && datasets.includes(source.dataset))) return undefined;
    if (node?.kind !== 'model' || node.materialized === 'ephemeral') continue;
    if (!isTracked(node.materialized)) return undefined;
    relations.set(id, node.relation);
  }
  return { datasets, relations: [...relations.values()], calls: callsIn(texts) };
};

import { StrataError } from '../domain/errors';
import { ephemeralName, readsEphemeral, withEphemerals } from './ephemeral';
import { type Fact, factKey, type FactRequest } from './facts';
import { createJinjaEngine, type JinjaEngine } from './jinja-engine';
import type { Manifest, ManifestNode, ManifestSource, RelationName } from './manifest';
import { renderTemplate, type RenderedTemplate } from './render-template';
import { compileFailed, TemplateError, TemplateFailure } from './template-error';

export interface RenderContext {
  /** By `factKey`. */
  readonly facts: ReadonlyMap<string, Fact>;
  /** `--vars`; they go over those of the manifest. */
  readonly vars: Readonly<Record<string, unknown>>;
  /** What `is_incremental()` returns. */
  readonly incremental: boolean;
  readonly invocation: { readonly runId: string; readonly startedAt: string };
  readonly target: { readonly database: string; readonly warehouse: string };
}

export type RenderResult =
  | {
      readonly kind: 'sql';
      readonly sql: string;
      /** With what `config(...)` said in this very rendering. */
      readonly config: Record<string, unknown>;
      /** Starts of the periods that `affected_periods()` found, as `YYYY-MM-DD`, oldest first. */
      readonly affectedPeriods?: readonly string[] | undefined;
    }
  | { readonly kind: 'needs'; readonly requests: readonly FactRequest[] };

interface Session {
  readonly manifest: Manifest;
  readonly engine: JinjaEngine;
  readonly context: RenderContext;
  readonly requests: Map<string, FactRequest>;
  /** Queries of the ephemeral models that are read, by the name they are read under; dependencies first. */
  readonly ephemerals: Map<string, string>;
}

const engines = new WeakMap<Manifest, JinjaEngine>();

/** Keeps the engine that compiled a project for rendering its nodes. */
export const keepEngine = (manifest: Manifest, engine: JinjaEngine): void => {
  engines.set(manifest, engine);
};

/** A manifest that has been made of another with the same macros shares its engine. */
export const shareEngine = (from: Manifest, to: Manifest): Manifest => {
  engines.set(to, engineOf(from));
  return to;
};

const engineOf = (manifest: Manifest): JinjaEngine => {
  const engine = engines.get(manifest) ?? createJinjaEngine(manifest.project, manifest.macros);
  engines.set(manifest, engine);
  return engine;
};

/**
 * Renders the SQL of a node, or says which facts of the database it needs for that; render again with them.
 * @throws MODEL_COMPILE_FAILED with file and line.
 */
export const renderNode = (manifest: Manifest, nodeId: string, context: RenderContext): RenderResult => {
  const node = manifest.nodes[nodeId];
  if (!node) throw new StrataError('MODEL_COMPILE_FAILED', `${nodeId} is not in project ${manifest.project}`);
  const session: Session = {
    manifest,
    engine: engineOf(manifest),
    context,
    requests: new Map(),
    ephemerals: new Map(),
  };
  const rendered = renderWithin(session, node);
  if (!rendered || session.requests.size > 0)
    return { kind: 'needs', requests: [...session.requests.values()] };
  return {
    kind: 'sql',
    sql: withEphemerals(rendered.sql, session.ephemerals),
    config: { ...rendered.config },
    ...(rendered.affectedPeriods ? { affectedPeriods: rendered.affectedPeriods } : {}),
  };
};

/** Nothing if it failed for want of facts: what stood in for them may have been the reason. */
const renderWithin = (session: Session, node: ManifestNode): RenderedTemplate | undefined => {
  const ephemerals: ManifestNode[] = [];
  try {
    const rendered = renderTemplate(templateInput(session, node, ephemerals));
    for (const ephemeral of ephemerals) addEphemeral(session, ephemeral);
    return rendered;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    if (session.requests.size > 0 && !error.certain) return undefined;
    throw compileFailed(error, node.id, node.path);
  }
};

const addEphemeral = (session: Session, node: ManifestNode): void => {
  const name = ephemeralName(node.name);
  if (session.ephemerals.has(name)) return;
  const rendered = renderWithin(session, node);
  if (rendered) session.ephemerals.set(name, rendered.sql);
};

const templateInput = (
  session: Session,
  node: ManifestNode,
  ephemerals: ManifestNode[],
): Parameters<typeof renderTemplate>[0] => {
  const { manifest, engine, context } = session;
  return {
    engine,
    file: templateFile(node),
    rawCode: node.rawCode,
    node: { id: node.id, name: node.name, relation: node.kind === 'model' ? node.relation : undefined },
    baseConfig: node.config,
    vars: { ...manifest.vars, ...context.vars },
    execute: true,
    incremental: context.incremental,
    invocation: context.invocation,
    target: context.target,
    project: manifest.project,
    fact: (request) => lookUp(session, request),
    sourceOf: (relation) => sourceOf(manifest, relation),
    consumed: () => undefined,
    ref: (name) => {
      const model = dependency(node, manifest.nodes[`model.${manifest.project}.${name}`], `ref('${name}')`);
      if (model.kind !== 'model') throw new TemplateFailure(`${model.id} is no model`, true);
      if (model.materialized !== 'ephemeral') return { relation: model.relation };
      if (!ephemerals.includes(model)) ephemerals.push(model);
      return { relation: model.relation, sql: ephemeralName(model.name) };
    },
    source: (sourceName, table) => {
      const source = manifest.sources[`source.${manifest.project}.${sourceName}.${table}`];
      return dependency(node, source, `source('${sourceName}', '${table}')`).relation;
    },
  };
};

/** Generic tests share their file with others, and have no line in it. */
const templateFile = (node: ManifestNode): string => (node.path.endsWith('.sql') ? node.path : node.id);

/** The order of a run comes from what compiling has seen; a reference that appears only now may not be built yet. */
const dependency = <T extends { readonly id: string }>(
  node: ManifestNode,
  found: T | undefined,
  call: string,
): T => {
  if (!found) throw new TemplateFailure(`${call}: there is none in this project`, true);
  if (!node.dependsOn.includes(found.id)) {
    throw new TemplateFailure(
      `${call} appeared only now, so that the order of the run doesn't know it; write it down: -- depends_on: {{ ${call} }}`,
    );
  }
  return found;
};

const sourceOf = (manifest: Manifest, relation: RelationName): ManifestSource | undefined => {
  const same = Object.values(manifest.sources).filter(
    (source) => source.relation.schema === relation.schema && source.relation.name === relation.name,
  );
  return same.find((source) => source.dataset !== undefined) ?? same[0];
};

/**
 * A fact that is known; otherwise asks for it. A query is asked for only as the first: later ones may have been
 * built from what stands in for the facts before.
 */
const lookUp = ({ context, requests }: Session, request: FactRequest): Fact | undefined => {
  const key = factKey(request);
  const fact = context.facts.get(key);
  if (fact) return fact;
  if (request.kind !== 'query') {
    requests.set(key, request);
    return undefined;
  }
  if (readsEphemeral(request.sql)) {
    throw new TemplateFailure("a query while rendering can't read an ephemeral model");
  }
  if (requests.size === 0) requests.set(key, request);
  return undefined;
};

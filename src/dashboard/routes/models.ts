import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { Manifest, ManifestModel, ManifestTest } from '../../compiler/manifest';
import { estimatedRows, previewRows, relationColumns } from '../../db/relation-rows';
import { lastStates, nodeHistory } from '../../db/run-nodes';
import { relationKey } from '../../db/relations';
import { addRead } from '../add-read';
import type { DashboardDeps } from '../deps';

const PREVIEW_ROWS = 50;
const SHOWN_RUNS = 20;

const Last = z.object({
  state: z.string(),
  durationMs: z.number(),
  finishedAt: z.string(),
  message: z.string().nullable(),
});

const Node = z.object({
  id: z.string(),
  name: z.string(),
  label: z.string(),
  kind: z.enum(['source', 'model']),
  materialized: z.string(),
  dependsOn: z.array(z.string()),
  last: Last.nullable(),
});

const Model = z.object({
  id: z.string(),
  name: z.string(),
  label: z.string(),
  description: z.string(),
  materialized: z.string(),
  path: z.string(),
  sql: z.string(),
  parents: z.array(z.string()),
  children: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  estimatedRows: z.number().nullable(),
  tests: z.array(z.object({ name: z.string(), severity: z.string(), last: Last.nullable() })),
  runs: z.array(
    z.object({
      runId: z.string(),
      state: z.string(),
      rowsInserted: z.number().nullable(),
      rowsUpdated: z.number().nullable(),
      rowsDeleted: z.number().nullable(),
      durationMs: z.number(),
      message: z.string().nullable(),
      finishedAt: z.string(),
    }),
  ),
});

const Preview = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.unknown())),
});

export type GraphNodeView = z.output<typeof Node>;
export type ModelView = z.output<typeof Model>;
export type PreviewView = z.output<typeof Preview>;

const modelsOf = ({ nodes }: Manifest): ManifestModel[] =>
  Object.values(nodes).filter((node): node is ManifestModel => node.kind === 'model');

const testsOf = ({ nodes }: Manifest, id: string): ManifestTest[] =>
  Object.values(nodes).filter(
    (node): node is ManifestTest => node.kind === 'test' && node.dependsOn.includes(id),
  );

const nameOf = ({ nodes, sources }: Manifest, id: string): string => {
  const source = sources[id];
  return nodes[id]?.name ?? (source ? `${source.sourceName}.${source.name}` : id);
};

const graphOf = (
  manifest: Manifest,
  last: ReadonlyMap<string, z.input<typeof Last>>,
): z.input<typeof Node>[] => {
  const models = modelsOf(manifest);
  const used = new Set(models.flatMap((model) => model.dependsOn));
  return [
    ...Object.values(manifest.sources)
      .filter((source) => used.has(source.id))
      .map((source) => ({
        id: source.id,
        name: `${source.sourceName}.${source.name}`,
        label: relationKey(source.relation),
        kind: 'source' as const,
        materialized: 'source',
        dependsOn: [],
        last: null,
      })),
    ...models.map((model) => ({
      id: model.id,
      name: model.name,
      label: relationKey(model.relation),
      kind: 'model' as const,
      materialized: model.materialized,
      dependsOn: [...model.dependsOn],
      last: last.get(model.id) ?? null,
    })),
  ];
};

const describeModel = async (
  { reader, project }: DashboardDeps,
  name: string,
): Promise<z.input<typeof Model>> => {
  const { manifest } = project;
  const model = project.model(name);
  const tests = testsOf(manifest, model.id);
  const [columns, rows, runs, states] = await Promise.all([
    relationColumns(reader, model.relation),
    estimatedRows(reader, model.relation),
    nodeHistory(reader, model.id, SHOWN_RUNS),
    lastStates(
      reader,
      tests.map((test) => test.id),
    ),
  ]);
  const last = new Map(states.map((state) => [state.nodeId, state]));
  return {
    id: model.id,
    name: model.name,
    label: relationKey(model.relation),
    description: model.description,
    materialized: model.materialized,
    path: model.path,
    sql: model.rawCode,
    parents: model.dependsOn.map((id) => nameOf(manifest, id)),
    children: modelsOf(manifest)
      .filter((other) => other.dependsOn.includes(model.id))
      .map((other) => other.name),
    columns: [...columns],
    estimatedRows: rows,
    tests: tests.map((test) => ({
      name: test.name,
      severity: test.severity,
      last: last.get(test.id) ?? null,
    })),
    runs: [...runs],
  };
};

/** The project's models: lineage, columns, tests, last runs, first rows. */
export const addModelRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { reader, project } = deps;
  const params = z.object({ name: z.string().max(200) });
  addRead(app, deps, {
    path: '/models',
    tag: 'models',
    summary: 'The graph of sources and models, with what each came to last',
    topics: ['runs'],
    response: z.object({ items: z.array(Node) }),
    answer: async () => {
      const states = await lastStates(
        reader,
        modelsOf(project.manifest).map((model) => model.id),
      );
      return { items: graphOf(project.manifest, new Map(states.map((state) => [state.nodeId, state]))) };
    },
  });
  addRead(app, deps, {
    path: '/models/:name',
    tag: 'models',
    summary: 'A model: columns, tests, lineage, last runs',
    topics: ['runs', 'data'],
    params,
    response: Model,
    answer: ({ params: { name } }) => describeModel(deps, name),
  });
  addRead(app, deps, {
    path: '/models/:name/rows',
    tag: 'models',
    summary: 'Some rows of a model',
    topics: ['data'],
    params,
    response: Preview,
    answer: async ({ params: { name } }) => {
      const { relation } = project.model(name);
      const columns = (await relationColumns(reader, relation)).map((column) => column.name);
      if (columns.length === 0) return { columns, rows: [] };
      const rows = await previewRows(reader, relation, PREVIEW_ROWS);
      return { columns, rows: rows.map((row) => columns.map((column) => row[column] ?? null)) };
    },
  });
};

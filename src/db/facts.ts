import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { type Fact, type FactRequest, factKey, type RelationFact } from '../compiler/facts';
import type { Manifest, ManifestModel, ManifestNode, RelationName } from '../compiler/manifest';
import { type RenderContext, renderNode } from '../compiler/render-node';
import { StrataError } from '../domain/errors';
import { rawSql } from './raw-sql';
import type { Run } from './runs';
import { datasetUpstream, findProgress, findRelation, relationUpstream } from './relations';

/** Rendering asks for facts, a few at a time; a template that never has enough is broken. */
const MAX_ROUNDS = 50;

/** Thrown inside: what the model consumed last is no longer there, so it has to be built anew. */
export class RebuildNeeded extends Error {}

const RelationRow = z.object({
  kind: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
});

const typeOf = (kind: string): RelationFact['type'] => {
  if (kind === 'r' || kind === 'p') return 'table';
  return kind === 'v' ? 'view' : 'other';
};

/** Whether a relation exists, and its columns with PostgreSQL's names of their types. */
export const describeRelation = async (
  connection: CommonQueryMethods,
  { schema, name }: RelationName,
): Promise<RelationFact> => {
  const row = await connection.maybeOne(sql.type(RelationRow)`
    select c.relkind::text as kind, coalesce((
      select jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum)
      from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ), '[]') as columns
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name}
  `);
  if (!row) return { exists: false, columns: [] };
  return { exists: true, type: typeOf(row.kind), partitioned: row.kind === 'p', columns: row.columns };
};

interface RenderInput {
  readonly manifest: Manifest;
  readonly node: ManifestNode;
  readonly context: Omit<RenderContext, 'facts'>;
  /** Whose pinned inputs hold; without a run what is published now. */
  readonly runId?: string | undefined;
}

const LoadId = z.object({ load_id: z.string() });
const Position = z.object({ position: z.string() });

/** Where a dataset stands for a run: as it was when the run was planned. */
export const inputPosition = async (
  connection: CommonQueryMethods,
  runId: string | undefined,
  dataset: string,
): Promise<bigint> => {
  const pinned =
    runId === undefined
      ? null
      : await connection.maybeOneFirst(
          sql.type(
            Position,
          )`select position from ops.run_input where run_id = ${runId} and dataset = ${dataset}`,
        );
  const position =
    pinned ??
    (await connection.oneFirst(
      sql.type(
        Position,
      )`select coalesce(max(position), 0) as position from ops.load where dataset = ${dataset}`,
    ));
  return BigInt(position);
};

const unconsumedLoads = async (
  connection: CommonQueryMethods,
  { node, runId }: RenderInput,
  dataset: string,
): Promise<Fact> => {
  const from = await findProgress(connection, (node as ManifestModel).relation, datasetUpstream(dataset));
  if (from === undefined) throw new RebuildNeeded();
  const to = await inputPosition(connection, runId, dataset);
  const loads = await connection.any(sql.type(LoadId)`
    select load_id from ops.load
    where dataset = ${dataset} and position > ${from.toString()}::bigint and position <= ${to.toString()}::bigint
    order by position
  `);
  return { loadIds: loads.map((l) => l.load_id) };
};

const unconsumedChanges = async (
  connection: CommonQueryMethods,
  { node }: RenderInput,
  upstream: RelationName,
): Promise<Fact> => {
  const tracked = await findRelation(connection, upstream);
  if (!tracked)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${node.name}: changes() of ${upstream.schema}.${upstream.name}, which strata has not built as incremental, scd2 or by_period`,
    );
  const from = await findProgress(connection, (node as ManifestModel).relation, relationUpstream(upstream));
  if (from === undefined || from < BigInt(tracked.reset_version) || from > BigInt(tracked.version))
    throw new RebuildNeeded();
  return { from: from.toString(), to: tracked.version };
};

const queryFact = async (connection: CommonQueryMethods, text: string): Promise<Fact> => {
  const result = await connection.query(rawSql(text));
  const columns = result.fields.map((f) => f.name);
  return { columns, rows: result.rows.map((row) => columns.map((c) => (row as Record<string, unknown>)[c])) };
};

const lookUp = (connection: CommonQueryMethods, input: RenderInput, request: FactRequest): Promise<Fact> => {
  switch (request.kind) {
    case 'relation':
      return describeRelation(connection, request.relation);
    case 'unconsumed-loads':
      return unconsumedLoads(connection, input, request.dataset);
    case 'changes':
      return unconsumedChanges(connection, input, request.relation);
    case 'query':
      return queryFact(connection, request.sql);
  }
};

export interface Rendered {
  readonly sql: string;
  readonly config: Record<string, unknown>;
  readonly affectedPeriods: readonly string[];
}

/** Renders a node with what the database knows. @throws MODEL_COMPILE_FAILED, MODEL_INVALID; {@link RebuildNeeded} */
const renderWithDatabase = async (connection: CommonQueryMethods, input: RenderInput): Promise<Rendered> => {
  const facts = new Map<string, Fact>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const result = renderNode(input.manifest, input.node.id, { ...input.context, facts });
    if (result.kind === 'sql')
      return { sql: result.sql, config: result.config, affectedPeriods: result.affectedPeriods ?? [] };
    for (const request of result.requests)
      facts.set(factKey(request), await lookUp(connection, input, request));
  }
  throw new StrataError(
    'MODEL_COMPILE_FAILED',
    `${input.node.path}: asks the database for more after ${MAX_ROUNDS} rounds`,
  );
};

/** What a node is rendered for: a planned run, or a look at what one would execute now. */
export interface RenderFor {
  readonly manifest: Manifest;
  readonly run?: Pick<Run, 'run_id' | 'started_at'> | undefined;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly target: RenderContext['target'];
}

/** Renders a node, for a run with what that has pinned. @throws MODEL_COMPILE_FAILED, MODEL_INVALID; {@link RebuildNeeded} */
export const renderFor = (
  connection: CommonQueryMethods,
  { manifest, run, vars, target }: RenderFor,
  { node, incremental }: { readonly node: ManifestNode; readonly incremental: boolean },
): Promise<Rendered> =>
  renderWithDatabase(connection, {
    manifest,
    node,
    runId: run?.run_id,
    context: {
      vars,
      incremental,
      invocation: { runId: run?.run_id ?? 'compile', startedAt: run?.started_at ?? new Date().toISOString() },
      target,
    },
  });

import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { Manifest, ManifestNode } from '../compiler/manifest';
import { selectNodes } from '../compiler/select-nodes';
import { countOf } from '../domain/count-of';
import { nearestDependencies } from '../domain/graph';
import { namesNode } from '../domain/selectors';
import type { PlannedNode, PlanRunResult, SuspendedNode, TransformInput } from '../wire/transform';
import { ensureBronze } from './ensure-bronze';
import { openSources } from './open-to-roles';
import { loadPlan } from './plans';
import { getRun } from './runs';
import { suspensionsOf } from './suspensions';
import { markUpToDate } from './up-to-date';
import { databaseUuid } from './warehouse';

export interface PlanRunRequest {
  readonly runId: string;
  readonly workflowId: string;
  readonly planHash: string;
  readonly transform: TransformInput;
}

export const labelOf = (node: ManifestNode): string =>
  node.kind === 'model' ? `${node.relation.schema}.${node.relation.name}` : node.name;

/** What plans and results say of a node. */
export const describeNode = (
  node: ManifestNode,
): Pick<PlannedNode, 'name' | 'label' | 'kind' | 'materialized'> => ({
  name: node.name,
  label: labelOf(node),
  kind: node.kind,
  materialized: node.kind === 'model' ? node.materialized : 'test',
});

const isEphemeral = (node: ManifestNode): boolean =>
  node.kind === 'model' && node.materialized === 'ephemeral';

const plannedNodes = (manifest: Manifest, { command, select, exclude }: TransformInput): PlannedNode[] => {
  const kinds = [command === 'test' ? 'test' : 'model'] as const;
  const ids = selectNodes(manifest, {
    kinds,
    ...(select ? { select } : {}),
    ...(exclude ? { exclude } : {}),
  });
  // Ephemeral models are part of their readers' SQL.
  const runnable = ids.filter((id) => !isEphemeral(manifest.nodes[id] as ManifestNode));
  const selected = new Set(runnable);
  return runnable.map((id) => {
    const node = manifest.nodes[id] as ManifestNode;
    return {
      id,
      ...describeNode(node),
      dependsOn: nearestDependencies((node) => manifest.nodes[node]?.dependsOn ?? [], id, selected),
    };
  });
};

/**
 * The run and where each dataset stands as it begins, in one transaction; a retry keeps what the first try pinned.
 * Returns whether this is the first.
 */
const recordRun = async (
  transaction: DatabaseTransactionConnection,
  { runId, workflowId, planHash, transform }: PlanRunRequest,
  run: { nodeCount: number; datasets: readonly string[] },
): Promise<boolean> => {
  const inserted = await transaction.query(sql.typeAlias('void')`
    insert into ops.run (run_id, workflow_id, command, plan_hash, full_refresh, vars, selected)
    values (
      ${runId}, ${workflowId}, ${transform.command ?? 'run'}, ${planHash}, ${transform.fullRefresh ?? false},
      ${JSON.stringify(transform.vars ?? {})}::jsonb, ${run.nodeCount}
    )
    on conflict (run_id) do nothing
  `);
  if (inserted.rowCount === 0) return false;
  await transaction.query(sql.typeAlias('void')`
    insert into ops.run_input (run_id, dataset, position)
    select ${runId}, d.dataset, coalesce(max(l.position), 0)
    from unnest(${sql.array(run.datasets, 'text')}) as d (dataset)
    left join ops.load as l on l.dataset = d.dataset
    group by d.dataset
  `);
  return true;
};

const suspensionText = (
  { since, failures, errorCode, sqlState, reason }: SuspendedNode,
  name: string,
): string => {
  const code = sqlState === undefined ? errorCode : `${errorCode}, SQLSTATE ${sqlState}`;
  return (
    `suspended since ${since}, after ${countOf(failures, 'failed run', 'failed runs')} in a row (${code}): ${reason}; ` +
    `once it is mended: strata resume ${name}`
  );
};

/**
 * Marks the suspended models. One that is to be built anew, or is selected by its own name, is tried all the same: that
 * is how it is found out whether it was mended.
 */
const withSuspensions = async (
  transaction: DatabaseTransactionConnection,
  manifest: Manifest,
  { nodes, transform }: { nodes: readonly PlannedNode[]; transform: TransformInput },
): Promise<PlannedNode[]> => {
  const suspended = await suspensionsOf(transaction, manifest);
  const isTried = (name: string): boolean =>
    transform.fullRefresh === true || namesNode(transform.select ?? [], name);
  return nodes.map((node) => {
    const suspension = suspended.get(node.id);
    if (suspension === undefined || isTried(node.name)) return node;
    return { ...node, suspended: suspensionText(suspension, node.name) };
  });
};

const InputRow = z.object({ dataset: z.string(), position: z.string() });

/** Up to where the run consumes each dataset: as the first try recorded it. */
const pinnedInputs = async (
  transaction: DatabaseTransactionConnection,
  runId: string,
): Promise<Record<string, number>> => {
  const rows = await transaction.any(sql.type(InputRow)`
    select dataset, position from ops.run_input where run_id = ${runId} order by dataset
  `);
  return Object.fromEntries(rows.map((row) => [row.dataset, Number(row.position)]));
};

const plannedBefore = async (pool: DatabasePool, runId: string): Promise<string | undefined> =>
  (await pool.maybeOneFirst(
    sql.type(z.object({ plan_hash: z.string() }))`select plan_hash from ops.run where run_id = ${runId}`,
  )) ?? undefined;

/**
 * Chooses the nodes of a run, makes the bronze relations they read, and pins the run's plan, logical time and inputs;
 * nodes that have nothing to do are recorded as done.
 * Idempotent per `runId`: a retry keeps what the first try pinned, though the project has changed in between.
 * @throws PLAN_UNKNOWN, SELECTION_EMPTY, SELECTOR_INVALID, DATASET_INCOMPATIBLE
 */
export const planRun = async (
  { pool, bronzePool = pool }: { readonly pool: DatabasePool; readonly bronzePool?: DatabasePool },
  request: PlanRunRequest,
): Promise<Pick<PlanRunResult, 'nodes' | 'databaseUuid' | 'planHash' | 'startedAt' | 'inputs'>> => {
  const planHash = (await plannedBefore(pool, request.runId)) ?? request.planHash;
  const manifest = await loadPlan(pool, planHash);
  const nodes = plannedNodes(manifest, request.transform);
  const datasets = Object.values(manifest.datasets);
  await ensureBronze(bronzePool, datasets);
  await openSources(pool, manifest);
  const planned = await pool.transaction(async (transaction) => {
    const isFirst = await recordRun(transaction, request, {
      nodeCount: nodes.length,
      datasets: datasets.map((d) => d.name),
    });
    const run = await getRun(transaction, request.runId);
    const tried = await withSuspensions(transaction, manifest, { nodes, transform: request.transform });
    const inputs = await pinnedInputs(transaction, request.runId);
    return {
      nodes: await markUpToDate(transaction, manifest, { nodes: tried, run, inputs, isFirst }),
      startedAt: run.started_at,
      inputs,
    };
  });
  return { ...planned, databaseUuid: await databaseUuid(pool), planHash };
};

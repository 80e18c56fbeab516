import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { Manifest, ManifestNode } from '../compiler/manifest';
import { selectNodes } from '../compiler/select-nodes';
import type { PlannedNode, TransformInput } from '../wire/transform';
import { ensureBronze } from './ensure-bronze';
import { loadPlan } from './plans';
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

/** The nearest selected nodes that a node comes after, also where unselected ones lie between. */
const selectedParents = (manifest: Manifest, id: string, selected: ReadonlySet<string>): string[] => {
  const parents = new Set<string>();
  const seen = new Set<string>();
  const visit = (current: string): void => {
    for (const parent of manifest.nodes[current]?.dependsOn ?? []) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      if (selected.has(parent)) parents.add(parent);
      else visit(parent);
    }
  };
  visit(id);
  return [...parents];
};

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
      dependsOn: selectedParents(manifest, id, selected),
    };
  });
};

/** The run and where each dataset stands as it begins, in one transaction; a retry keeps what the first try pinned. */
const recordRun = async (
  transaction: DatabaseTransactionConnection,
  { runId, workflowId, planHash, transform }: PlanRunRequest,
  run: { nodeCount: number; datasets: readonly string[] },
): Promise<void> => {
  const inserted = await transaction.query(sql.typeAlias('void')`
    insert into ops.run (run_id, workflow_id, command, plan_hash, full_refresh, vars, selected)
    values (
      ${runId}, ${workflowId}, ${transform.command ?? 'run'}, ${planHash}, ${transform.fullRefresh ?? false},
      ${JSON.stringify(transform.vars ?? {})}::jsonb, ${run.nodeCount}
    )
    on conflict (run_id) do nothing
  `);
  if (inserted.rowCount === 0) return;
  await transaction.query(sql.typeAlias('void')`
    insert into ops.run_input (run_id, dataset, position)
    select ${runId}, d.dataset, coalesce(max(l.position), 0)
    from unnest(${sql.array(run.datasets, 'text')}) as d (dataset)
    left join ops.load as l on l.dataset = d.dataset
    group by d.dataset
  `);
};

const plannedBefore = async (pool: DatabasePool, runId: string): Promise<string | undefined> =>
  (await pool.maybeOneFirst(
    sql.type(z.object({ plan_hash: z.string() }))`select plan_hash from ops.run where run_id = ${runId}`,
  )) ?? undefined;

/**
 * Chooses the nodes of a run, makes the bronze relations they read, and pins the run's plan and inputs.
 * Idempotent per `runId`: a retry keeps what the first try pinned, though the project has changed in between.
 * @throws PLAN_UNKNOWN, SELECTION_EMPTY, SELECTOR_INVALID, DATASET_INCOMPATIBLE
 */
export const planRun = async (
  { pool, bronzePool = pool }: { readonly pool: DatabasePool; readonly bronzePool?: DatabasePool },
  request: PlanRunRequest,
): Promise<{ nodes: PlannedNode[]; databaseUuid: string; planHash: string }> => {
  const planHash = (await plannedBefore(pool, request.runId)) ?? request.planHash;
  const manifest = await loadPlan(pool, planHash);
  const nodes = plannedNodes(manifest, request.transform);
  const datasets = Object.values(manifest.datasets);
  for (const dataset of datasets) await ensureBronze(bronzePool, dataset);
  await pool.transaction((transaction) =>
    recordRun(transaction, request, { nodeCount: nodes.length, datasets: datasets.map((d) => d.name) }),
  );
  return { nodes, databaseUuid: await databaseUuid(pool), planHash };
};

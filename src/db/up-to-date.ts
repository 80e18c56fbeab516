import type { CommonQueryMethods, DatabaseTransactionConnection } from 'slonik';
import { z } from 'zod';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import { steadyInputs } from '../compiler/steady-model';
import { canonicalJson } from '../domain/canonical-json';
import type { PlannedNode, RowCounts } from '../wire/transform';
import { datasetUpstream, relationKey } from './relations';
import type { Run } from './runs';
import { sql } from './sql';

/** What a model's run went by: all that its rows follow from. */
const Basis = z.object({
  plan: z.string(),
  vars: z.record(z.any()),
  /** By upstream, the datasets' positions and the relations' versions. */
  reads: z.record(z.string()),
});
type Basis = z.infer<typeof Basis>;

const foundNothing = ({ rows, periods = [] }: ModelOutcome): boolean =>
  rows?.in === 0 && rows.inserted + rows.updated + rows.deleted === 0 && periods.length === 0;

interface ModelOutcome {
  readonly rows?: RowCounts | undefined;
  readonly periods?: readonly string[] | undefined;
}

interface ModelRun {
  readonly manifest: Manifest;
  readonly model: ManifestModel;
  readonly run: Pick<Run, 'plan_hash' | 'vars'>;
  readonly effect: ModelOutcome;
}

/**
 * Keeps what a model went by that was carried on and found nothing: until that changes, it finds nothing again. Not
 * where it may follow from something else: the session's locks say which relations its SQL has read, be it through
 * views, and the catalogue which of its functions are volatile, or of the user's own. Last in the model's transaction.
 */
export const keepBasis = async (
  connection: CommonQueryMethods,
  { manifest, model, run, effect }: ModelRun,
): Promise<void> => {
  const inputs = foundNothing(effect) ? steadyInputs(manifest, model) : undefined;
  if (inputs === undefined) return;
  const own = relationKey(model.relation);
  const relations = inputs.relations.map(relationKey);
  const bronze = Object.values(manifest.sources)
    .filter(({ dataset }) => dataset !== undefined && inputs.datasets.includes(dataset))
    .map(({ relation }) => relationKey(relation));
  await connection.query(sql.typeAlias('void')`
    update ops.relation set basis = jsonb_build_object(
      'plan', ${run.plan_hash}::text,
      'vars', ${JSON.stringify(run.vars)}::jsonb,
      'reads', (
        select coalesce(jsonb_object_agg(u.upstream, u.position::text), '{}') from (
          select upstream, position from ops.model_progress
          where relation = ${own} and starts_with(upstream, 'dataset:')
          union all
          select 'relation:' || r.relation, r.version from ops.relation as r
          where r.relation = any(${sql.array(relations, 'text')})
        ) as u
      )
    )
    where relation = ${own}
      and not exists (
        select from pg_proc as p
        where p.proname = any(${sql.array(inputs.calls, 'text')})
          and (p.provolatile = 'v' or p.pronamespace <> 'pg_catalog'::regnamespace)
      )
      and not exists (
        select from pg_locks as l
        inner join pg_class as c on c.oid = l.relation and c.relkind in ('r', 'p', 'v', 'm', 'f')
        inner join pg_class as root on root.oid = coalesce(pg_partition_root(c.oid), c.oid)
        inner join pg_namespace as n on n.oid = root.relnamespace
        where l.pid = pg_backend_pid() and l.locktype = 'relation'
          and l.database = (select oid from pg_database where datname = current_database())
          and n.nspname not in ('pg_catalog', 'ops', 'strata_feed', 'strata_keys', 'strata_bronze')
          and not starts_with(n.nspname, 'pg_temp_')
          and n.nspname || '.' || root.relname <> all(${sql.array([own, ...relations, ...bronze], 'text')})
      )
  `);
};

const RelationRow = z.object({ relation: z.string(), version: z.string(), basis: Basis.nullable() });

interface PlannedAgainst {
  readonly run: Run;
  /** By dataset, up to where the run consumes it. */
  readonly inputs: Readonly<Record<string, number>>;
}

/** Of these models those that would find nothing: what they went by when they last did is still so. */
const unchanged = async (
  connection: CommonQueryMethods,
  models: readonly ManifestModel[],
  { run, inputs }: PlannedAgainst,
): Promise<ReadonlySet<string>> => {
  const rows = await connection.any(sql.type(RelationRow)`
    select relation, version, basis from ops.relation
    where exists (
      select from pg_class as c
      inner join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname || '.' || c.relname = relation and c.relkind in ('r', 'p')
        -- One that a worker of another role has made is taken over by running its model.
        and pg_has_role(c.relowner, 'usage')
    )
  `);
  const standing = new Map([
    ...rows.map(({ relation, version }) => [`relation:${relation}`, version] as const),
    ...Object.entries(inputs).map(
      ([dataset, position]) => [datasetUpstream(dataset), String(position)] as const,
    ),
  ]);
  const isSame = ({ plan, vars, reads }: Basis): boolean =>
    plan === run.plan_hash &&
    canonicalJson(vars) === canonicalJson(run.vars) &&
    Object.entries(reads).every(([upstream, position]) => standing.get(upstream) === position);
  const same = new Set(rows.flatMap(({ relation, basis }) => (basis && isSame(basis) ? [relation] : [])));
  return new Set(models.filter(({ relation }) => same.has(relationKey(relation))).map(({ id }) => id));
};

const NodeIdRow = z.object({ node_id: z.string() });

/** Marks the nodes that have nothing to do, with all that is planned before them, and records that they are done. */
export const markUpToDate = async (
  transaction: DatabaseTransactionConnection,
  manifest: Manifest,
  planned: PlannedAgainst & { readonly nodes: readonly PlannedNode[]; readonly isFirst: boolean },
): Promise<PlannedNode[]> => {
  const { nodes, run, isFirst } = planned;
  if (!isFirst) {
    const recorded = new Set(
      await transaction.anyFirst(sql.type(NodeIdRow)`
        select node_id from ops.model_run where run_id = ${run.run_id} and attempts = 0 and state = 'success'
      `),
    );
    return nodes.map((node) => (recorded.has(node.id) ? { ...node, upToDate: true } : node));
  }
  const models = nodes.flatMap(({ id }) => {
    const node = manifest.nodes[id];
    return node?.kind === 'model' ? [node] : [];
  });
  if (run.full_refresh || models.length === 0) return [...nodes];
  const same = await unchanged(transaction, models, planned);
  const toRun = new Set<string>();
  const marked = nodes.map((node) => {
    if (same.has(node.id) && node.suspended === undefined && !node.dependsOn.some((id) => toRun.has(id)))
      return { ...node, upToDate: true };
    toRun.add(node.id);
    return node;
  });
  await recordUpToDate(
    transaction,
    run.run_id,
    marked.filter((node) => node.upToDate),
  );
  return marked;
};

const recordUpToDate = async (
  transaction: DatabaseTransactionConnection,
  runId: string,
  nodes: readonly PlannedNode[],
): Promise<void> => {
  if (nodes.length === 0) return;
  await transaction.query(sql.typeAlias('void')`
    insert into ops.model_run (
      run_id, node_id, label, kind, materialized, state, rows_inserted, rows_updated, rows_deleted, rows_in,
      rows_unchanged, rows_superseded, rows_excluded, attempts, duration_ms
    )
    select ${runId}, n.id, n.label, 'model', n.materialized, 'success', 0, 0, 0, 0, 0, 0, 0, 0, 0
    from jsonb_to_recordset(${JSON.stringify(nodes)}::jsonb) as n (id text, label text, materialized text)
  `);
};

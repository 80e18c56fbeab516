import { createHash } from 'node:crypto';
import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { Manifest, ManifestNode } from '../compiler/manifest';
import { canonicalJson } from '../domain/canonical-json';
import type { SuspendedNode } from '../wire/transform';
import { sql } from './sql';

/** Of what a node's SQL is made: another definition may not fail any more. */
export const definitionOf = ({ macros }: Manifest, node: ManifestNode): string => {
  const { rawCode, config, dependsOn } = node;
  return createHash('sha256').update(canonicalJson({ rawCode, config, dependsOn, macros })).digest('hex');
};

const SuspensionRow = z.object({
  nodeId: z.string(),
  label: z.string(),
  runId: z.string(),
  since: z.string(),
  failures: z.number().int(),
  errorCode: z.string(),
  sqlState: z.string().optional(),
  reason: z.string(),
  definition: z.string(),
});
type Suspension = z.infer<typeof SuspensionRow>;

const COLUMNS = sql.fragment`
  jsonb_strip_nulls(jsonb_build_object(
    'nodeId', node_id, 'label', relation, 'runId', run_id,
    'since', to_char(suspended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'failures', failures, 'errorCode', error_code, 'sqlState', sql_state, 'reason', reason, 'definition', definition
  )) as suspension
`;
const Row = z.object({ suspension: SuspensionRow });

const told = ({ definition: _, ...suspension }: Suspension): SuspendedNode => suspension;

const openSuspensions = async (db: CommonQueryMethods): Promise<readonly Suspension[]> =>
  db.anyFirst(sql.type(Row)`
    select ${COLUMNS} from ops.node_suspension where lifted_at is null order by relation
  `);

/** The nodes that runs leave out now, by their relation's name. */
export const suspendedNodes = async (db: CommonQueryMethods): Promise<SuspendedNode[]> =>
  (await openSuspensions(db)).map(told);

/** The nodes that a run suspended. */
export const suspendedBy = async (db: CommonQueryMethods, runId: string): Promise<SuspendedNode[]> => {
  const rows = await db.anyFirst(sql.type(Row)`
    select ${COLUMNS} from ops.node_suspension where run_id = ${runId} order by relation
  `);
  return rows.map(told);
};

/** Lifts the suspensions of these nodes. Returns those that it lifted. */
export const liftSuspensions = async (
  db: CommonQueryMethods,
  nodeIds: readonly string[],
  { because, by = null }: { because: 'resumed' | 'succeeded' | 'changed'; by?: string | null },
): Promise<SuspendedNode[]> => {
  const rows = await db.anyFirst(sql.type(Row)`
    update ops.node_suspension
    set lifted_at = clock_timestamp(), lifted_because = ${because}, lifted_by = ${by}
    where lifted_at is null and node_id = any(${sql.array(nodeIds, 'text')})
    returning ${COLUMNS}
  `);
  return rows.map(told);
};

const LiftedRow = z.object({
  nodeId: z.string(),
  because: z.enum(['resumed', 'succeeded', 'changed']),
  liftedAtMs: z.number(),
});

/** Which of these nodes were suspended, and are no more; with what ended it, and when. */
export const liftedNodes = async (
  db: CommonQueryMethods,
  nodeIds: readonly string[],
): Promise<readonly z.infer<typeof LiftedRow>[]> =>
  nodeIds.length === 0
    ? []
    : db.any(sql.type(LiftedRow)`
        select newest.node_id as "nodeId", newest.lifted_because as because,
          (extract(epoch from newest.lifted_at) * 1000)::float8 as "liftedAtMs"
        from unnest(${sql.array(nodeIds, 'text')}) as n (node_id)
        cross join lateral (
          select s.node_id, s.lifted_at, s.lifted_because
          from ops.node_suspension as s
          where s.node_id = n.node_id
          order by s.suspended_at desc
          limit 1
        ) as newest
        where newest.lifted_at is not null
      `);

/**
 * The suspended nodes of a plan, by id. A node whose definition is another one than the one that failed is suspended no
 * more: that is recorded here.
 */
export const suspensionsOf = async (
  db: CommonQueryMethods,
  manifest: Manifest,
): Promise<ReadonlyMap<string, SuspendedNode>> => {
  const found = (await openSuspensions(db)).flatMap((suspension) => {
    const node = manifest.nodes[suspension.nodeId];
    return node ? [{ suspension, isSame: definitionOf(manifest, node) === suspension.definition }] : [];
  });
  const changed = found.filter(({ isSame }) => !isSame).map(({ suspension }) => suspension.nodeId);
  if (changed.length > 0) await liftSuspensions(db, changed, { because: 'changed' });
  return new Map(
    found
      .filter(({ isSame }) => isSame)
      .map(({ suspension }) => [suspension.nodeId, told(suspension)] as const),
  );
};

/**
 * Suspends the models that failed in this run, and in the runs of them before it, so often in a row with the same error.
 * Runs before a suspension was last lifted don't count, nor do those in which the node was not tried.
 */
export const suspendRepeatedFailures = async (
  db: CommonQueryMethods,
  { runId, after, manifest }: { runId: string; after: number; manifest: Manifest },
): Promise<void> => {
  const models = Object.values(manifest.nodes).filter((node) => node.kind === 'model');
  const ids = models.map((node) => node.id);
  const definitions = models.map((node) => definitionOf(manifest, node));
  await db.query(sql.typeAlias('void')`
    insert into ops.node_suspension
      (node_id, relation, run_id, failures, error_code, sql_state, reason, definition)
    select f.node_id, f.label, f.run_id, ${after}::int, f.error_code, f.sql_state, coalesce(f.message, ''), d.definition
    from ops.model_run as f
    inner join unnest(${sql.array(ids, 'text')}, ${sql.array(definitions, 'text')}) as d (node_id, definition)
      on d.node_id = f.node_id
    cross join lateral (
      select
        count(*) as runs,
        bool_and(
          r.state = 'failed' and (r.error_code, r.sql_state) is not distinct from (f.error_code, f.sql_state)
        ) as alike
      from (
        select m.state, m.error_code, m.sql_state
        from ops.model_run as m
        where
          m.node_id = f.node_id and m.state <> 'skipped'
          and m.finished_at > coalesce(
            (select max(s.lifted_at) from ops.node_suspension as s where s.node_id = f.node_id), '-infinity'
          )
        order by m.finished_at desc
        limit ${after}
      ) as r
    ) as recent
    where
      f.run_id = ${runId} and f.state = 'failed' and f.error_code is not null
      and recent.runs = ${after} and recent.alike
    on conflict (node_id) where lifted_at is null do nothing
  `);
};

/** `dim_customer`, `gold.dim_customer` or the whole id; nothing: all. */
export const isNamed = ({ nodeId, label }: SuspendedNode, names: readonly string[] | undefined): boolean =>
  names === undefined ||
  names.some((name) => name === nodeId || name === label || name === label.split('.').at(-1));

/** Lets suspended nodes run again, all of them or those that are named. Returns those that it resumed. */
export const resumeNodes = async (
  db: CommonQueryMethods,
  { nodes, actor }: { readonly nodes?: readonly string[] | undefined; readonly actor: string },
): Promise<SuspendedNode[]> => {
  const meant = (await suspendedNodes(db)).filter((node) => isNamed(node, nodes));
  return liftSuspensions(
    db,
    meant.map((node) => node.nodeId),
    { because: 'resumed', by: actor },
  );
};

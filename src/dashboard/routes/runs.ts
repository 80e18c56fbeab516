import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { describeNode } from '../../db/plan-run';
import { loadPlan } from '../../db/plans';
import { runNodes, type RunNodeRow } from '../../db/run-nodes';
import { recentRuns, type RunRow } from '../../db/status';
import { StrataError } from '../../domain/errors';
import { nearestDependencies } from '../../domain/graph';
import { addRead, cutPage, pageOf, PageQuery } from '../add-read';
import type { DashboardDeps } from '../deps';
import { workflowLink } from '../temporal-links';
import { runPlan } from '../temporal-queries';

const Run = z.object({
  runId: z.string(),
  workflowId: z.string(),
  command: z.string(),
  fullRefresh: z.boolean(),
  state: z.enum(['running', 'success', 'failed', 'cancelled']),
  selected: z.number(),
  done: z.number(),
  failed: z.number(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  durationMs: z.number().nullable(),
  message: z.string().nullable(),
  temporalUrl: z.string().nullable(),
});

const RunNode = z.object({
  id: z.string(),
  name: z.string(),
  label: z.string(),
  kind: z.enum(['model', 'test']),
  materialized: z.string(),
  state: z.enum(['pending', 'running', 'success', 'warn', 'failed', 'skipped', 'cancelled']),
  dependsOn: z.array(z.string()),
  rowsInserted: z.number().nullable(),
  rowsUpdated: z.number().nullable(),
  rowsDeleted: z.number().nullable(),
  periods: z.array(z.string()),
  periodCount: z.number().nullable(),
  attempts: z.number(),
  durationMs: z.number().nullable(),
  message: z.string().nullable(),
});

export type RunView = z.output<typeof Run>;
export type RunNodeView = z.output<typeof RunNode>;

type NotBegun = Omit<RunNodeRow, 'nodeId' | 'finishedAt' | 'label' | 'kind' | 'materialized' | 'state'>;

const NOT_BEGUN: NotBegun = {
  rowsInserted: null,
  rowsUpdated: null,
  rowsDeleted: null,
  periods: [],
  periodCount: null,
  attempts: 0,
  durationMs: null,
  message: null,
};

const stateOf = (run: RunRow, row: RunNodeRow | undefined): z.input<typeof RunNode>['state'] => {
  const state = row?.state ?? 'pending';
  return run.state !== 'running' && (state === 'running' || state === 'pending') ? 'cancelled' : state;
};

/** Of a run that goes on the workflow knows what is still to come; of one that has ended everything is recorded. */
const plannedIds = async (deps: DashboardDeps, run: RunRow): Promise<string[]> =>
  run.state === 'running' ? ((await runPlan(deps, run.workflowId))?.nodes ?? []).map((node) => node.id) : [];

const describeRun = async (deps: DashboardDeps, run: RunRow): Promise<z.input<typeof RunNode>[]> => {
  const [manifest, rows, planned] = await Promise.all([
    loadPlan(deps.reader, run.planHash),
    runNodes(deps.reader, run.runId),
    plannedIds(deps, run),
  ]);
  const byId = new Map(rows.map((row) => [row.nodeId, row]));
  const ids = new Set([...planned, ...byId.keys()]);
  return [...ids].flatMap((id) => {
    const node = manifest.nodes[id];
    if (!node) return [];
    const row = byId.get(id);
    return [
      {
        ...(row ?? NOT_BEGUN),
        ...describeNode(node),
        id,
        state: stateOf(run, row),
        dependsOn: nearestDependencies((node) => manifest.nodes[node]?.dependsOn ?? [], id, ids),
      },
    ];
  });
};

/** Runs, and the nodes of one with what they came to. */
export const addRunRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { reader, temporalUiUrl, config } = deps;
  const withLink = (run: RunRow): z.input<typeof Run> => ({
    ...run,
    temporalUrl: workflowLink(temporalUiUrl, config.temporal.namespace, run.workflowId),
  });
  addRead(app, deps, {
    path: '/runs',
    tag: 'live',
    summary: 'Runs of the models, the newest first',
    topics: ['runs'],
    query: PageQuery,
    response: pageOf(Run),
    answer: async ({ query: { limit, after } }) => {
      const [startedAt, runId] = after?.split('|') ?? [];
      const position = startedAt === undefined || runId === undefined ? undefined : { startedAt, runId };
      const rows = await recentRuns(reader, limit + 1, { after: position });
      return cutPage(rows.map(withLink), limit, (run) => `${run.startedAt}|${run.runId}`);
    },
  });
  addRead(app, deps, {
    path: '/runs/:runId',
    tag: 'live',
    summary: 'A run with its nodes: states, rows, durations, and what comes after what',
    topics: ['runs'],
    params: z.object({ runId: z.string().max(300) }),
    response: Run.extend({ nodes: z.array(RunNode) }),
    answer: async ({ params: { runId } }) => {
      const [run] = await recentRuns(reader, 1, { runId });
      if (!run) throw new StrataError('RUN_UNKNOWN', `There is no run ${runId}`);
      return { ...withLink(run), nodes: await describeRun(deps, run) };
    },
  });
};

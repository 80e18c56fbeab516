import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { listIncidents } from '../../db/alert-list';
import { newestFreshness } from '../../db/freshness-results';
import { consumptionLag, datasetFreshness, fileToMart, recentBatches, unreadDatasets } from '../../db/status';
import { suspendedNodes } from '../../db/suspensions';
import { StrataError } from '../../domain/errors';
import { CONDITION_KINDS, SEVERITIES } from '../../wire/alerts';
import { FRESHNESS_DIAGNOSES, FRESHNESS_STATUSES } from '../../wire/freshness';
import { addRead, cutPage, pageOf, PageQuery } from '../add-read';
import type { DashboardDeps } from '../deps';
import { pipelinePlan } from '../temporal-queries';
import { workflowLink } from '../temporal-links';

/** Files of a dataset that its lag is taken from. */
const LAG_FILES = 20;
const IdText = z.string().regex(/^\d{1,18}$/);

const Batch = z.object({
  batchId: z.string(),
  dataset: z.string(),
  file: z.string(),
  state: z.string(),
  rowsRead: z.coerce.number().nullable(),
  rowsLoaded: z.coerce.number().nullable(),
  rowsRejected: z.coerce.number().nullable(),
  duplicateOf: z.string().nullable(),
  errorCode: z.string().nullable(),
  error: z.string().nullable(),
  acceptedAt: z.string(),
  finishedAt: z.string().nullable(),
  temporalUrl: z.string().nullable(),
});

const number = z.coerce.number();

const Datasets = z.object({
  datasets: z.array(
    z.object({
      dataset: z.string(),
      batches: number,
      rows: number,
      lastLoadedAt: z.string(),
      ageSeconds: number,
    }),
  ),
  lag: z
    .array(
      z.object({
        dataset: z.string(),
        relation: z.string(),
        loads: number,
        rows: number,
        lagSeconds: number,
      }),
    )
    .describe('Published loads that a model has not consumed yet'),
  fileToMart: z
    .array(
      z.object({
        dataset: z.string(),
        files: number,
        lastSeconds: number,
        medianSeconds: number,
        maxSeconds: number,
      }),
    )
    .describe('From the arrival of a file to the end of the run that brought it into the marts'),
  unread: z.array(z.object({ dataset: z.string(), loads: number })),
  suspended: z.array(
    z.object({
      nodeId: z.string(),
      label: z.string(),
      since: z.string(),
      failures: number,
      reason: z.string(),
    }),
  ),
});

const Freshness = z.object({
  source: z.string(),
  dataset: z.string().nullable(),
  status: z.enum(FRESHNESS_STATUSES),
  diagnosis: z.enum(FRESHNESS_DIAGNOSES),
  message: z.string(),
  asOf: z.string(),
  ageSeconds: z.number().nullable(),
  warnAfterSeconds: z.number().nullable(),
  errorAfterSeconds: z.number().nullable(),
});

const Incident = z.object({
  incidentId: z.string(),
  kind: z.enum(CONDITION_KINDS),
  subject: z.string(),
  severity: z.enum(SEVERITIES),
  state: z.enum(['firing', 'resolved']),
  summary: z.string(),
  affected: z.array(z.string()),
  seen: z.number(),
  openedAt: z.string(),
  lastSeenAt: z.string(),
  resolvedAt: z.string().nullable(),
  ackedAt: z.string().nullable(),
  ackedBy: z.string().nullable(),
  runId: z.string().nullable(),
  batchId: z.string().nullable(),
});

const Pipeline = z.object({
  isKnown: z.boolean().describe('False: no coordinator yet, or no worker that could answer'),
  paused: z.boolean(),
  runs: z.array(
    z.object({
      number: z.number(),
      state: z.enum(['running', 'next', 'later']),
      does: z.string(),
      batchIds: z.array(z.string()),
      workflowId: z.string().optional(),
    }),
  ),
});

export type BatchView = z.output<typeof Batch>;
export type DatasetsView = z.output<typeof Datasets>;
export type FreshnessView = z.output<typeof Freshness>;
export type IncidentView = z.output<typeof Incident>;
export type PipelineView = z.output<typeof Pipeline>;

const linkOf = ({ temporalUiUrl, config }: DashboardDeps, workflowId: string | null): string | null =>
  workflowId === null ? null : workflowLink(temporalUiUrl, config.temporal.namespace, workflowId);

const addBatches = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { reader } = deps;
  const topics = ['batches'];
  addRead(app, deps, {
    path: '/batches',
    tag: 'live',
    summary: 'Batches, the newest first',
    topics,
    query: PageQuery.extend({
      after: IdText.optional(),
      dataset: z.string().max(200).optional(),
      workflowId: z.string().max(1_000).optional(),
    }),
    response: pageOf(Batch),
    answer: async ({ query: { limit, after, dataset, workflowId } }) => {
      const rows = await recentBatches(reader, limit + 1, { before: after, dataset, workflowId });
      const batches = rows.map((row) => ({ ...row, temporalUrl: linkOf(deps, row.workflowId) }));
      return cutPage(batches, limit, (batch) => batch.batchId);
    },
  });
  addRead(app, deps, {
    path: '/batches/:batchId',
    tag: 'live',
    summary: 'One batch',
    topics,
    params: z.object({ batchId: IdText }),
    response: Batch,
    answer: async ({ params: { batchId } }) => {
      const [row] = await recentBatches(reader, 1, { batchId });
      if (!row) throw new StrataError('BATCH_UNKNOWN', `Batch ${batchId} is not in the ledger`);
      return { ...row, temporalUrl: linkOf(deps, row.workflowId) };
    },
  });
};

/** What goes on: batches, freshness, incidents, lag, the coordinator. */
export const addLiveRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { reader } = deps;
  addBatches(app, deps);
  addRead(app, deps, {
    path: '/datasets',
    tag: 'live',
    summary: 'What of each dataset is published, and how far the models are behind',
    topics: ['batches', 'runs', 'data'],
    response: Datasets,
    answer: async () => {
      const [datasets, lag, times, unread, suspended] = await Promise.all([
        datasetFreshness(reader),
        consumptionLag(reader),
        fileToMart(reader, LAG_FILES),
        unreadDatasets(reader),
        suspendedNodes(reader),
      ]);
      return {
        datasets: [...datasets],
        lag: [...lag],
        fileToMart: [...times],
        unread: [...unread],
        suspended,
      };
    },
  });
  addRead(app, deps, {
    path: '/freshness',
    tag: 'live',
    summary: 'How fresh the sources were when they were last checked',
    topics: ['freshness'],
    response: z.object({ items: z.array(Freshness) }),
    answer: async () => ({ items: [...(await newestFreshness(reader))] }),
  });
  addRead(app, deps, {
    path: '/incidents',
    tag: 'live',
    summary: 'Incidents, the newest first',
    topics: ['incidents'],
    query: PageQuery.extend({ after: IdText.optional() }),
    response: pageOf(Incident),
    answer: async ({ query: { limit, after } }) =>
      cutPage(
        await listIncidents(reader, { all: true, limit: limit + 1, before: after }),
        limit,
        (incident) => incident.incidentId,
      ),
  });
  addRead(app, deps, {
    path: '/pipeline',
    tag: 'live',
    summary: 'The coordinator: whether it is paused, which runs are to come',
    topics: ['pipeline', 'runs'],
    response: Pipeline,
    answer: async () => {
      const plan = await pipelinePlan(deps);
      return { isKnown: plan !== undefined, paused: plan?.paused ?? false, runs: plan?.runs ?? [] };
    },
  });
};

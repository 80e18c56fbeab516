import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import {
  type Conditions,
  factRows,
  type FactRows,
  factSum,
  type Row,
  rowOrigin,
  rowsOfKey,
  searchKeys,
} from '../../db/relation-rows';
import { addRead, cutPage, PageQuery } from '../add-read';
import type { ChartDefinition, ExploreDefinition } from '../definition';
import type { DashboardDeps } from '../deps';
import { HttpProblem } from '../problems';

const MOST_VERSIONS = 500;
const MOST_FACTS = 2_000;
const SEARCH_RESULTS = 20;

const AnyRow = z.record(z.string(), z.unknown());
const Key = z.object({ key: z.string().min(1).max(1_000) });

const Trace = z.object({
  fact: AnyRow,
  version: AnyRow.nullable(),
  staged: AnyRow.nullable(),
  origin: z
    .object({
      batchId: z.string(),
      dataset: z.string(),
      file: z.string(),
      state: z.string(),
      acceptedAt: z.string(),
      rowNumber: z.number(),
      firstLine: z.number().nullable(),
      lastLine: z.number().nullable(),
    })
    .nullable(),
});
export type TraceView = z.output<typeof Trace>;

const exploreOf = async ({ project }: DashboardDeps): Promise<ExploreDefinition> => {
  const { explore } = await project.definition();
  if (!explore) throw new HttpProblem(404, 'dashboard.yml says nothing of what can be explored.');
  return explore;
};

/** `[from, to)` of the period that begins at a day, or of one that many `earlier`, in UTC. */
export const periodRange = (
  period: string,
  grain: ChartDefinition['grain'],
  earlier = 0,
): { from: string; to: string } => {
  const after = (periods: number): string => {
    const day = new Date(`${period}T00:00:00Z`);
    if (grain === 'month') day.setUTCMonth(day.getUTCMonth() + periods);
    else day.setUTCDate(day.getUTCDate() + periods);
    return day.toISOString();
  };
  return { from: after(-earlier), to: after(1 - earlier) };
};

const conditionsOf = (chart: ChartDefinition, series: string | undefined): Conditions => {
  const { where = {}, unknown } = chart.facts ?? {};
  if (chart.split === undefined || series === undefined) return where;
  return { ...where, [chart.split]: series === unknown ? null : series };
};

const Cell = PageQuery.extend({
  chart: z.string().max(64),
  period: z.iso.date(),
  series: z.string().max(200).optional(),
});

const factsOfCell = async (deps: DashboardDeps, cell: z.output<typeof Cell>): Promise<FactRows> => {
  const { facts } = await exploreOf(deps);
  const chart = (await deps.project.definition()).charts.find((c) => c.id === cell.chart);
  if (!chart?.facts || chart.facts.of)
    throw new HttpProblem(404, `dashboard.yml doesn't say which facts are behind ${cell.chart}.`);
  const { relation } = deps.project.model(facts.model);
  const { key, time, value } = facts;
  const conditions = conditionsOf(chart, cell.series);
  const range = periodRange(cell.period, chart.grain);
  return { relation, key, time, value, conditions, ...range, after: cell.after, limit: cell.limit + 1 };
};

const keyed = (rows: readonly Row[], column: string): string => String(rows[0]?.[column] ?? '');

/** A fact with the version of the dimension that it has, and the place in a file that it came from. */
const traceFact = async (deps: DashboardDeps, value: string) => {
  const { facts, history } = await exploreOf(deps);
  const find = (model: string, key: string, wanted: string): Promise<readonly Row[]> =>
    rowsOfKey(deps.reader, deps.project.model(model).relation, { key, value: wanted, order: key, limit: 1 });
  const [[fact], [staged]] = await Promise.all([
    find(facts.model, facts.key, value),
    find(facts.staging, facts.key, value),
  ]);
  if (!fact) throw new HttpProblem(404, `There is no ${facts.key} ${value} in ${facts.model}.`);
  const versionKey = fact[facts.version];
  const versions =
    typeof versionKey === 'string' ? await find(history.model, history.version, versionKey) : [];
  const [batchId, rowNumber] = [staged?._batch_id, staged?._row_number].map((v) =>
    v == null ? '' : String(v),
  );
  const origin = batchId && rowNumber ? await rowOrigin(deps.reader, batchId, rowNumber) : null;
  return { fact, version: versions[0] ?? null, staged: staged ?? null, origin };
};

const addHistory = (app: FastifyInstance, deps: DashboardDeps): void => {
  addRead(app, deps, {
    path: '/history',
    tag: 'explore',
    summary: 'Who is in the history: by the beginning of the key, or a part of the title',
    topics: ['data'],
    query: z.object({ q: z.string().max(200).default('') }),
    response: z.object({ items: z.array(z.object({ key: z.string(), title: z.string().nullable() })) }),
    answer: async ({ query: { q } }) => {
      const { history } = await exploreOf(deps);
      const { relation } = deps.project.model(history.model);
      const { key, title } = history;
      const rows = await searchKeys(deps.reader, relation, { key, title, text: q, limit: SEARCH_RESULTS });
      const text = (value: unknown): string | null => (value == null ? null : String(value));
      return { items: rows.map((row) => ({ key: text(row.key) ?? '', title: text(row.title) })) };
    },
  });
  addRead(app, deps, {
    path: '/history/:key',
    tag: 'explore',
    summary: 'The versions of one of them, and the facts on them',
    topics: ['data'],
    params: Key,
    response: z.object({ versions: z.array(AnyRow), facts: z.array(AnyRow), isCut: z.boolean() }),
    answer: async ({ params: { key: value } }) => {
      const { history, facts } = await exploreOf(deps);
      const { project, reader } = deps;
      const [versions, rows] = await Promise.all([
        rowsOfKey(reader, project.model(history.model).relation, {
          key: history.key,
          value,
          order: history.from,
          limit: MOST_VERSIONS,
        }),
        rowsOfKey(reader, project.model(facts.model).relation, {
          key: facts.entity,
          value,
          order: facts.time,
          limit: MOST_FACTS + 1,
        }),
      ]);
      if (versions.length === 0 && rows.length === 0)
        throw new HttpProblem(404, `There is no ${history.key} ${value}.`);
      return { versions: [...versions], facts: rows.slice(0, MOST_FACTS), isCut: rows.length > MOST_FACTS };
    },
  });
};

/** From a figure to what it is made of: facts, versions, batches, lines of files. */
export const addExploreRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  addHistory(app, deps);
  addRead(app, deps, {
    path: '/facts',
    tag: 'explore',
    summary: 'The facts behind a value of a chart, and what they add up to',
    topics: ['data'],
    query: Cell,
    response: z.object({
      items: z.array(AnyRow),
      next: z.string().nullable(),
      count: z.number(),
      sum: z.string().nullable(),
    }),
    answer: async ({ query }) => {
      const facts = await factsOfCell(deps, query);
      const [rows, total] = await Promise.all([factRows(deps.reader, facts), factSum(deps.reader, facts)]);
      return { ...cutPage(rows, query.limit, (row) => keyed([row], facts.key)), ...total };
    },
  });
  addRead(app, deps, {
    path: '/facts/:key',
    tag: 'explore',
    summary: 'A fact: its version of the dimension, its batch, file and line',
    topics: ['data', 'batches'],
    params: Key,
    response: Trace,
    answer: ({ params: { key } }) => traceFact(deps, key),
  });
};

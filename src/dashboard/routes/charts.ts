import { stringify } from 'csv-stringify/sync';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { Manifest } from '../../compiler/manifest';
import { periodRows, type Row } from '../../db/relation-rows';
import { relationKey } from '../../db/relations';
import { defuseCell } from '../../domain/spreadsheet-cell';
import { addRead } from '../add-read';
import { type ChartDefinition, Definition, type FigureDefinition } from '../definition';
import type { DashboardDeps } from '../deps';
import { HttpProblem, Problem } from '../problems';

/** More periods than anybody looks at; the newest are kept. */
const MOST_ROWS = 10_000;
const day = z.iso.date().optional();
const Range = z.object({
  from: day.describe('First day; default: all there is'),
  to: day.describe('The day after the last one'),
});
const Value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const ChartRows = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(Value)),
  isCut: z.boolean().describe('Whether older rows were left out'),
});
const Id = z.object({ id: z.string().max(64) });

export type ChartRowsView = z.output<typeof ChartRows>;

const chartColumns = (chart: ChartDefinition): string[] => [
  chart.time,
  ...(chart.series ?? []).map((series) => series.column),
  ...(chart.split === undefined || chart.value === undefined ? [] : [chart.split, chart.value]),
];

/** Which relation a page hears of: null of a view, whose changes are those of what it reads. */
const trackedRelation = (manifest: Manifest, name: string): string | null => {
  for (const node of Object.values(manifest.nodes))
    if (node.kind === 'model' && node.name === name)
      return node.materialized === 'view' || node.materialized === 'ephemeral'
        ? null
        : relationKey(node.relation);
  return null;
};

type Asked = { readonly from?: string | undefined; readonly to?: string | undefined };

const readChart = async (
  { reader, project }: DashboardDeps,
  chart: ChartDefinition,
  { from, to }: Asked,
): Promise<z.input<typeof ChartRows>> => {
  const columns = [...new Set(chartColumns(chart))];
  const { relation } = project.model(chart.model);
  const rows = await periodRows(reader, {
    relation,
    columns,
    time: chart.time,
    from,
    to,
    limit: MOST_ROWS + 1,
  });
  const isCut = rows.length > MOST_ROWS;
  const kept = isCut ? rows.slice(1) : rows;
  return { columns, rows: kept.map((row) => columns.map((column) => plain(row[column]))), isCut };
};

const plain = (value: unknown): string | number | boolean | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
    ? value
    : value === undefined
      ? null
      : JSON.stringify(value);

const findChart = async ({ project }: DashboardDeps, id: string): Promise<ChartDefinition> => {
  const chart = (await project.definition()).charts.find((c) => c.id === id);
  if (!chart) throw new HttpProblem(404, `There is no chart ${id} in dashboard.yml.`);
  return chart;
};

const readFigure = async (
  { reader, project }: DashboardDeps,
  figure: FigureDefinition,
  to: string | undefined,
) => {
  const { relation } = project.model(figure.model);
  const columns = [figure.time, figure.value];
  const rows: Row[] = await periodRows(reader, { relation, columns, time: figure.time, to, limit: 13 });
  return {
    ...figure,
    periods: rows.map((row) => ({ period: String(row[figure.time]), value: plain(row[figure.value]) })),
  };
};

const FigureValues = Definition.shape.figures.unwrap().element.extend({
  periods: z
    .array(z.object({ period: z.string(), value: Value }))
    .describe('The last 13 periods, the oldest first'),
});

const PageChart = Definition.shape.charts.unwrap().element.extend({
  relation: z.string().nullable().describe('Of `data` events; null: any of them'),
});
const Page = Definition.omit({ charts: true }).extend({ charts: z.array(PageChart) });
export type PageView = z.output<typeof Page>;
export type ChartView = z.output<typeof PageChart>;
export type FigureView = z.output<typeof FigureValues>;

const addCsv = (app: FastifyInstance, deps: DashboardDeps): void => {
  app.get(
    '/api/v1/charts/:id/csv',
    {
      schema: {
        tags: ['figures'],
        summary: 'The rows of a chart as CSV',
        params: Id,
        querystring: Range,
        produces: ['text/csv'],
        response: { default: Problem },
      },
    },
    async (request, reply) => {
      const { id } = request.params as z.output<typeof Id>;
      const { columns, rows } = await readChart(deps, await findChart(deps, id), request.query as Asked);
      // Numbers are numbers, a minus sign before them and all; only words could be formulas.
      const cells = rows.map((row) =>
        row.map((value) =>
          typeof value === 'string' && !/^-?[\d.]+$/.test(value) ? defuseCell(value) : value,
        ),
      );
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${id}.csv"`)
        .send(Buffer.from(stringify([columns, ...cells])));
    },
  );
};

/** Figures and charts: what `dashboard.yml` shows of the marts. */
export const addChartRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  addRead(app, deps, {
    path: '/dashboard',
    tag: 'figures',
    summary: 'What the page shows: figures and charts, from dashboard.yml',
    topics: [],
    response: Page,
    answer: async () => {
      const definition = await deps.project.definition();
      const charts = definition.charts.map((chart) => ({
        ...chart,
        relation: trackedRelation(deps.project.manifest, chart.model),
      }));
      return { ...definition, charts };
    },
  });
  addRead(app, deps, {
    path: '/figures',
    tag: 'figures',
    summary: 'The figures with their last periods',
    query: Range.pick({ to: true }),
    topics: ['data'],
    response: z.object({ items: z.array(FigureValues) }),
    answer: async ({ query: { to } }) => {
      const { figures } = await deps.project.definition();
      return { items: await Promise.all(figures.map((figure) => readFigure(deps, figure, to))) };
    },
  });
  addRead(app, deps, {
    path: '/charts/:id',
    tag: 'figures',
    summary: 'The rows of a chart',
    params: Id,
    query: Range,
    topics: ['data'],
    response: ChartRows,
    answer: async ({ params: { id }, query }) => readChart(deps, await findChart(deps, id), query),
  });
  addCsv(app, deps);
};

import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { type CellParts, cellParts, cellTotal, type PartCondition } from '../../db/cell-parts';
import { addRead, cutPage, pageOf, PageQuery } from '../add-read';
import type { Condition } from '../definition';
import type { DashboardDeps } from '../deps';
import { HttpProblem } from '../problems';
import { periodRange } from './explore';

const Part = z.object({ key: z.string(), title: z.string().nullable(), amount: z.string().nullable() });

const Parts = pageOf(Part).extend({
  count: z.number(),
  sum: z.string().nullable(),
});
export type PartsView = z.output<typeof Parts>;

const Cell = PageQuery.extend({
  chart: z.string().max(64),
  period: z.iso.date(),
  series: z.string().max(63).describe('The column of the chart'),
});

export const partCondition = (column: string, wanted: Condition): PartCondition => {
  if (Array.isArray(wanted)) return { column, is: 'among', texts: wanted.map(String) };
  if (typeof wanted !== 'object') return { column, is: 'among', texts: [String(wanted)] };
  if ('above' in wanted) return { column, is: 'above', than: wanted.above };
  if ('below' in wanted) return { column, is: 'below', than: wanted.below };
  return { column, is: 'equals', than: wanted.equals };
};

const partsOfCell = async ({ project }: DashboardDeps, cell: z.output<typeof Cell>): Promise<CellParts> => {
  const { charts, explore } = await project.definition();
  const chart = charts.find((c) => c.id === cell.chart);
  const of = chart?.facts?.of;
  const part = of?.series[cell.series];
  if (!chart || !explore || !of || !part)
    throw new HttpProblem(404, `dashboard.yml doesn't say what ${cell.series} of ${cell.chart} is made of.`);
  const { key, title, from } = explore.history;
  return {
    relation: project.model(of.model).relation,
    time: of.time,
    ...periodRange(cell.period, chart.grain, part.earlier),
    entity: of.entity,
    value: part.value,
    minus: part.minus,
    conditions: Object.entries(part.where).map(([column, wanted]) => partCondition(column, wanted)),
    names: { relation: project.model(explore.history.model).relation, key, title, from },
    after: cell.after,
    limit: cell.limit + 1,
  };
};

/** From a figure that is no sum of facts to whom it is made of, whose histories have the facts. */
export const addPartRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  addRead(app, deps, {
    path: '/parts',
    tag: 'explore',
    summary: 'Who a value of a chart is made of, each with its amount, and what they add up to',
    topics: ['data'],
    query: Cell,
    response: Parts,
    answer: async ({ query }) => {
      const parts = await partsOfCell(deps, query);
      const [rows, total] = await Promise.all([cellParts(deps.reader, parts), cellTotal(deps.reader, parts)]);
      return { ...cutPage(rows, query.limit, ({ key }) => key), ...total };
    },
  });
};

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod/v4';
import { StrataError } from '../domain/errors';

const FILE = 'dashboard.yml';

const Id = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, _ and -');
const Column = z.string().min(1).max(63);
const Format = z.enum(['money', 'number', 'percent']);
export type Format = z.infer<typeof Format>;

/** One figure above the charts: the last whole period of a mart's column, beside the one before. */
const Figure = z.strictObject({
  id: Id,
  title: z.string().min(1),
  model: Column,
  time: Column,
  value: Column,
  format: Format.default('number'),
  /** Which way is good news; without it neither is. */
  better: z.enum(['up', 'down']).optional(),
});

const Series = z.strictObject({
  column: Column,
  title: z.string().min(1).optional(),
  /** Drawn below the axis: what is lost. */
  negative: z.boolean().default(false),
  /** Over the bars of a stack. */
  line: z.boolean().default(false),
});

const Text = z.union([z.string(), z.boolean()]);
/** A number, or the name of another column. */
const Operand = z.union([z.number(), Column]);
/** What a column has to be: a text, one of several, or a number or column that it is compared with. */
const Condition = z.union(
  [
    Text,
    z.array(Text),
    z.strictObject({ equals: Operand }),
    z.strictObject({ above: Operand }),
    z.strictObject({ below: Operand }),
  ],
  { error: 'must be a text, a list of texts, or one of equals, above and below with a number or a column' },
);
export type Condition = z.infer<typeof Condition>;

/** Which rows of a model beneath the mart a column of it is the sum of. */
const Part = z.strictObject({
  /** The column that is summed; without it rows are counted. */
  value: Column.optional(),
  /** What is taken off it. */
  minus: Column.optional(),
  where: z.record(Column, Condition).default({}),
  /** How many periods before the one of the mart the rows are. */
  earlier: z.number().int().min(0).max(1_000).default(0),
});
export type PartDefinition = z.infer<typeof Part>;

const Parts = z.strictObject({
  model: Column,
  time: Column,
  /** Whose rows they are: a key of `explore.history`. */
  entity: Column,
  /** By the columns of the chart's `series`. */
  series: z.record(Column, Part),
});

/** How the facts behind a value of the chart are found. */
const Facts = z
  .strictObject({
    /** What their columns have to be. */
    where: z.record(Column, z.union([z.string(), z.array(z.string())])).default({}),
    /** The value of `split` that stands for NULL. */
    unknown: z.string().optional(),
    /** Where a value isn't a sum of facts: who it is made of, by the rows of a model beneath. */
    of: Parts.optional(),
  })
  .refine(({ where, unknown, of }) => !of || (Object.keys(where).length === 0 && unknown === undefined), {
    error: 'needs either of, or where and unknown',
  });

const Chart = z
  .strictObject({
    id: Id,
    title: z.string().min(1),
    description: z.string().optional(),
    model: Column,
    time: Column,
    grain: z.enum(['day', 'month']).default('month'),
    kind: z.enum(['bar', 'stacked', 'line']).default('line'),
    format: Format.default('number'),
    series: z.array(Series).min(1).max(12).optional(),
    /** Instead of `series`: one series for each value of a column. */
    split: Column.optional(),
    value: Column.optional(),
    facts: Facts.optional(),
  })
  .refine(
    (chart) => (chart.series === undefined) !== (chart.split === undefined || chart.value === undefined),
    { error: 'needs either series, or split and value' },
  )
  .superRefine(({ series = [], facts }, { addIssue }) => {
    const columns = series.map(({ column }) => column);
    for (const column of Object.keys(facts?.of?.series ?? {}))
      if (!columns.includes(column))
        addIssue({
          code: 'custom',
          path: ['facts', 'of', 'series', column],
          message: 'is no column of the series of this chart',
        });
  });

/** What `Explore` follows a figure back to. */
const Explore = z.strictObject({
  facts: z.strictObject({
    model: Column,
    key: Column,
    time: Column,
    value: Column,
    entity: Column,
    version: Column,
    /** The staging model that has the row's `_batch_id` and `_row_number`, with the same key. */
    staging: Column,
  }),
  history: z.strictObject({
    model: Column,
    key: Column,
    title: Column,
    from: Column,
    to: Column,
    version: Column,
    tracked: z.array(Column).min(1),
  }),
});

export const Definition = z.strictObject({
  title: z.string().min(1),
  currency: z.string().length(3).optional(),
  figures: z.array(Figure).max(24).default([]),
  charts: z.array(Chart).max(50).default([]),
  explore: Explore.optional(),
});
export type Definition = z.infer<typeof Definition>;
export type ChartDefinition = Definition['charts'][number];
export type FigureDefinition = Definition['figures'][number];
export type ExploreDefinition = NonNullable<Definition['explore']>;

const invalid = (path: string, why: string): StrataError =>
  new StrataError('PROJECT_INVALID', `${path}: ${why}`);

const duplicates = (ids: readonly string[]): string[] => ids.filter((id, index) => ids.indexOf(id) !== index);

/** Reads the text of a `dashboard.yml`. @throws PROJECT_INVALID with every problem */
export const parseDefinition = (text: string, path: string): Definition => {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
  const parsed = Definition.safeParse(document);
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'} ${issue.message}`).join('; '),
    );
  const { figures, charts } = parsed.data;
  const twice = [...duplicates(figures.map((f) => f.id)), ...duplicates(charts.map((c) => c.id))];
  if (twice.length > 0) throw invalid(path, `${twice.join(', ')} is there twice`);
  const lost = parsed.data.explore ? [] : charts.filter((chart) => chart.facts).map((chart) => chart.id);
  if (lost.length > 0)
    throw invalid(path, `${lost.join(', ')} has facts, but there is no explore that says where they are`);
  return parsed.data;
};

/** The page of a project, from its `dashboard.yml`; of a project without one, a page without figures. */
export const readDefinition = async (projectDir: string, project: string): Promise<Definition> => {
  const path = join(projectDir, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { title: project, figures: [], charts: [] };
  }
  return parseDefinition(text, path);
};

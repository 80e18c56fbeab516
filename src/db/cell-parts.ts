import type { CommonQueryMethods, FragmentSqlToken } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import { asDeclared } from './relation-rows';
import { sql } from './sql';

/** A column, or a number. */
export type Operand = string | number;

/** What a column of a part has to be: beside another column or a number, or one of these texts. */
export type PartCondition =
  | { readonly column: string; readonly is: 'above' | 'below' | 'equals'; readonly than: Operand }
  | { readonly column: string; readonly is: 'among'; readonly texts: readonly string[] };

export interface CellParts {
  readonly relation: RelationName;
  /** A column of days; a half-open range of it. */
  readonly time: string;
  readonly from: string;
  readonly to: string;
  /** Whose part a row is. */
  readonly entity: string;
  /** What is summed, and what is taken off it; neither: rows are counted. */
  readonly value: string | undefined;
  readonly minus: string | undefined;
  readonly conditions: readonly PartCondition[];
  /** Where the entity has its name: the newest version counts. */
  readonly names: {
    readonly relation: RelationName;
    readonly key: string;
    readonly title: string;
    readonly from: string;
  };
  readonly after?: string | undefined;
  readonly limit: number;
}

const column = (name: string) => sql.identifier([name]);
const named = ({ schema, name }: RelationName) => sql.identifier([schema, name]);

const operand = (value: Operand): FragmentSqlToken =>
  typeof value === 'number' ? sql.fragment`${value}::numeric` : sql.fragment`${column(value)}`;

const COMPARISONS = { above: sql.fragment`>`, below: sql.fragment`<`, equals: sql.fragment`=` };

const conditionOf = (condition: PartCondition): FragmentSqlToken =>
  condition.is === 'among'
    ? sql.fragment`${column(condition.column)}::text = any(${sql.array(condition.texts, 'text')})`
    : sql.fragment`${column(condition.column)} ${COMPARISONS[condition.is]} ${operand(condition.than)}`;

const amountOf = ({ value, minus }: CellParts): FragmentSqlToken => {
  if (value === undefined) return sql.fragment`count(*)`;
  return minus === undefined
    ? sql.fragment`sum(${column(value)})`
    : sql.fragment`sum(${column(value)} - ${column(minus)})`;
};

const within = ({ time, from, to, conditions }: CellParts) =>
  sql.join(
    [
      sql.fragment`${column(time)} >= ${from}::date and ${column(time)} < ${to}::date`,
      ...conditions.map(conditionOf),
    ],
    sql.fragment` and `,
  );

const PartRow = z.object({ key: z.string(), title: z.string().nullable(), amount: z.string().nullable() });
export type PartRow = z.infer<typeof PartRow>;

/** What a value is made of, one row for each entity, by their keys, a page at a time. */
export const cellParts = (db: CommonQueryMethods, parts: CellParts): Promise<readonly PartRow[]> => {
  const { relation, entity, names, after = null, limit } = parts;
  const rows = db.any(sql.type(PartRow)`
    select
      p.key::text as key,
      (
        select n.${column(names.title)}::text from ${named(names.relation)} as n
        where n.${column(names.key)} = p.key
        order by n.${column(names.from)} desc
        limit 1
      ) as title,
      p.amount::text as amount
    from (
      select ${column(entity)} as key, ${amountOf(parts)} as amount
      from ${named(relation)}
      where ${within(parts)} and (${after}::text is null or ${column(entity)}::text > ${after})
      group by ${column(entity)}
      order by ${column(entity)}::text
      limit ${limit}
    ) as p
    order by p.key::text
  `);
  return asDeclared<readonly PartRow[]>(relation, rows, []);
};

const TotalRow = z.object({ sum: z.string().nullable(), count: z.coerce.number() });

/** How many entities there are behind a value, and what their parts add up to. */
export const cellTotal = (
  db: CommonQueryMethods,
  parts: CellParts,
): Promise<{ sum: string | null; count: number }> =>
  asDeclared(
    parts.relation,
    db.one(sql.type(TotalRow)`
      select ${amountOf(parts)}::text as sum, count(distinct ${column(parts.entity)}) as count
      from ${named(parts.relation)} where ${within(parts)}
    `),
    { sum: null, count: 0 },
  );

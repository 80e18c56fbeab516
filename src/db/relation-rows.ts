import type { CommonQueryMethods, FragmentSqlToken } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { sql } from './sql';
import { isSqlState, serverMessage, UNDEFINED_RELATION, UNFIT_COLUMN } from './sqlstate';

/** Values as PostgreSQL writes them; numbers that JavaScript would round are texts. */
const AnyRow = z.record(z.any());
export type Row = Record<string, unknown>;

const ColumnRow = z.object({ name: z.string(), type: z.string() });
export type ColumnRow = z.infer<typeof ColumnRow>;

const named = ({ schema, name }: RelationName) => sql.identifier([schema, name]);

/** The columns of a table or view in their order; of one that isn't there, none. */
export const relationColumns = (
  db: CommonQueryMethods,
  { schema, name }: RelationName,
): Promise<readonly ColumnRow[]> =>
  db.any(sql.type(ColumnRow)`
    select a.attname::text as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and a.attnum > 0 and not a.attisdropped
    order by a.attnum
  `);

const EstimateRow = z.object({ rows: z.coerce.number() });

/** About how many rows a table has, as the planner reckons; null where it doesn't know. */
export const estimatedRows = async (
  db: CommonQueryMethods,
  { schema, name }: RelationName,
): Promise<number | null> => {
  const rows = await db.maybeOneFirst(sql.type(EstimateRow)`
    select coalesce(
      (
        select sum(p.reltuples) from pg_catalog.pg_inherits as i
        inner join pg_catalog.pg_class as p on p.oid = i.inhrelid
        where i.inhparent = c.oid and p.reltuples >= 0
      ),
      c.reltuples
    ) as rows
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and c.relkind in ('r', 'p', 'm')
  `);
  return rows === null || rows < 0 ? null : rows;
};

/** The first rows that come to hand. */
export const previewRows = (
  db: CommonQueryMethods,
  relation: RelationName,
  limit: number,
): Promise<readonly Row[]> => db.any(sql.type(AnyRow)`select * from ${named(relation)} limit ${limit}`);

export interface PeriodRows {
  readonly relation: RelationName;
  readonly columns: readonly string[];
  readonly time: string;
  /** ISO dates; a half-open range. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit: number;
}

/**
 * What is read of a relation by columns that the user's file names. What isn't there yet has no rows.
 * @throws PROJECT_INVALID when it has no such columns
 */
export const asDeclared = async <T>(
  { schema, name }: RelationName,
  read: Promise<T>,
  none: T,
): Promise<T> => {
  try {
    return await read;
  } catch (error) {
    if (isSqlState(error, UNDEFINED_RELATION)) return none;
    if (!isSqlState(error, UNFIT_COLUMN)) throw error;
    const why = serverMessage(error);
    throw new StrataError('PROJECT_INVALID', `dashboard.yml does not fit ${schema}.${name}: ${why}`, {
      cause: error,
    });
  }
};

/** Columns of a mart over a range of its periods, the oldest first; of more than `limit` rows the newest. */
export const periodRows = async (
  db: CommonQueryMethods,
  { relation, columns, time, from, to, limit }: PeriodRows,
): Promise<Row[]> => {
  const selected = sql.join(
    columns.map((column) => sql.identifier([column])),
    sql.fragment`, `,
  );
  const rows = await asDeclared<readonly Row[]>(
    relation,
    db.any(sql.type(AnyRow)`
    select ${selected} from ${named(relation)}
    where
      (${from ?? null}::date is null or ${sql.identifier([time])} >= ${from ?? null}::date)
      and (${to ?? null}::date is null or ${sql.identifier([time])} < ${to ?? null}::date)
    order by ${sql.identifier([time])} desc
    limit ${limit}
  `),
    [],
  );
  return [...rows].reverse();
};

/** What a value has to be; null: NULL, several: one of them. */
export type Conditions = Readonly<Record<string, string | null | readonly (string | null)[]>>;

const conditionOf = (column: string, wanted: Conditions[string]): FragmentSqlToken => {
  const field = sql.fragment`${sql.identifier([column])}::text`;
  const all = Array.isArray(wanted) ? (wanted as readonly (string | null)[]) : [wanted as string | null];
  const texts = all.filter((value) => value !== null);
  const isNull = all.includes(null) ? sql.fragment`${field} is null` : sql.fragment`false`;
  return sql.fragment`(${field} = any(${sql.array(texts, 'text')}) or ${isNull})`;
};

const equalities = (conditions: Conditions) =>
  sql.join(
    [sql.fragment`true`, ...Object.entries(conditions).map(([column, value]) => conditionOf(column, value))],
    sql.fragment` and `,
  );

/** The rows of a key: `key` is compared as what it is, so that an index serves. */
export const rowsOfKey = (
  db: CommonQueryMethods,
  relation: RelationName,
  { key, value, order, limit }: { key: string; value: string; order: string; limit: number },
): Promise<readonly Row[]> =>
  asDeclared<readonly Row[]>(
    relation,
    db.any(sql.type(AnyRow)`
      select * from ${named(relation)}
      where ${sql.identifier([key])} = ${value}
      order by ${sql.identifier([order])}
      limit ${limit}
    `),
    [],
  );

/** Rows whose key begins with, or whose title has, what is searched for: one a key. */
export const searchKeys = (
  db: CommonQueryMethods,
  relation: RelationName,
  { key, title, text, limit }: { key: string; title: string; text: string; limit: number },
): Promise<readonly Row[]> =>
  asDeclared<readonly Row[]>(
    relation,
    db.any(sql.type(AnyRow)`
    select distinct on (${sql.identifier([key])}) ${sql.identifier([key])} as key, ${sql.identifier([title])} as title
    from ${named(relation)}
    where
      ${sql.identifier([key])}::text ilike ${`${likePattern(text)}%`}
      or ${sql.identifier([title])}::text ilike ${`%${likePattern(text)}%`}
    order by ${sql.identifier([key])}
    limit ${limit}
  `),
    [],
  );

const likePattern = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

export interface FactRows {
  readonly relation: RelationName;
  readonly key: string;
  readonly time: string;
  readonly value: string;
  readonly conditions: Conditions;
  readonly from: string;
  readonly to: string;
  readonly after?: string | undefined;
  readonly limit: number;
}

const within = ({ time, from, to, conditions }: FactRows) => sql.fragment`
  ${sql.identifier([time])} >= ${from}::timestamptz and ${sql.identifier([time])} < ${to}::timestamptz
  and ${equalities(conditions)}
`;

/** The facts behind a figure, by key, a page at a time. */
export const factRows = (db: CommonQueryMethods, facts: FactRows): Promise<readonly Row[]> =>
  asDeclared<readonly Row[]>(
    facts.relation,
    db.any(sql.type(AnyRow)`
    select * from ${named(facts.relation)}
    where
      ${within(facts)}
      and (${facts.after ?? null}::text is null or ${sql.identifier([facts.key])}::text > ${facts.after ?? null})
    order by ${sql.identifier([facts.key])}::text
    limit ${facts.limit}
  `),
    [],
  );

const SumRow = z.object({ sum: z.string().nullable(), count: z.coerce.number() });

/** How many facts there are behind a figure, and what they add up to. */
export const factSum = (
  db: CommonQueryMethods,
  facts: FactRows,
): Promise<{ sum: string | null; count: number }> =>
  asDeclared(
    facts.relation,
    db.one(sql.type(SumRow)`
      select sum(${sql.identifier([facts.value])})::text as sum, count(*) as count
      from ${named(facts.relation)} where ${within(facts)}
    `),
    { sum: null, count: 0 },
  );

const OriginRow = z.object({
  batchId: z.string(),
  dataset: z.string(),
  file: z.string(),
  state: z.string(),
  acceptedAt: z.string(),
  rowNumber: z.coerce.number(),
  firstLine: z.coerce.number().nullable(),
  lastLine: z.coerce.number().nullable(),
});
export type OriginRow = z.infer<typeof OriginRow>;

/**
 * The batch and file that a row came from, and its line: what was kept while loading is where chunks end, so that it
 * lies between `firstLine` and `lastLine`, which are the same unless rows of its chunk have more than one line.
 */
export const rowOrigin = (
  db: CommonQueryMethods,
  batchId: string,
  rowNumber: string,
): Promise<OriginRow | null> =>
  db.maybeOne(sql.type(OriginRow)`
    with chunks as (
      select
        c.end_row, c.end_line,
        coalesce(lag(c.end_row) over w, 0) as start_row, coalesce(lag(c.end_line) over w, 2) as start_line
      from ops.load_chunk as c
      inner join ops.load as l on l.load_id = c.load_id
      where l.batch_id = ${batchId}::bigint and l.kind = 'file'
      window w as (order by c.chunk_number)
    )
    select
      b.batch_id as "batchId",
      b.dataset,
      b.file,
      b.state,
      b.accepted_at::text as "acceptedAt",
      ${rowNumber}::bigint as "rowNumber",
      c.start_line + ${rowNumber}::bigint - c.start_row - 1 as "firstLine",
      c.end_line - 1 - (c.end_row - ${rowNumber}::bigint) as "lastLine"
    from ops.batch as b
    left join chunks as c on ${rowNumber}::bigint > c.start_row and ${rowNumber}::bigint <= c.end_row
    where b.batch_id = ${batchId}::bigint
  `);

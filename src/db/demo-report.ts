import { createHash } from 'node:crypto';
import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';

const KpiRow = z.object({
  month: z.string(),
  revenue: z.string().nullable(),
  mrr: z.string().nullable(),
  activeCustomers: z.string(),
  newCustomers: z.string(),
  churnedCustomers: z.string(),
  churnRate: z.string().nullable(),
  arpu: z.string().nullable(),
  marketingSpend: z.string().nullable(),
  cac: z.string().nullable(),
});
export type KpiRow = z.infer<typeof KpiRow>;

/** The last `months` months of Echo's KPI mart, oldest first. */
export const lastKpis = (db: CommonQueryMethods, months: number): Promise<readonly KpiRow[]> =>
  db.any(sql.type(KpiRow)`
    select
      to_char(month, 'YYYY-MM') as month,
      revenue::text,
      mrr::text,
      active_customers::text as "activeCustomers",
      new_customers::text as "newCustomers",
      churned_customers::text as "churnedCustomers",
      churn_rate::text as "churnRate",
      arpu::text,
      marketing_spend::text as "marketingSpend",
      cac::text
    from (select * from platinum.mart_kpis_monthly order by month desc limit ${months}) as newest
    order by newest.month
  `);

const DeadLetterRow = z.object({
  batchId: z.string(),
  source: z.string(),
  lineNumber: z.string(),
  errorCode: z.string(),
  error: z.string(),
  record: z.string(),
});
export type DeadLetterRow = z.infer<typeof DeadLetterRow>;

/** The newest dead letters that nobody has dealt with, in the order of their lines. */
export const openDeadLetters = (db: CommonQueryMethods, count: number): Promise<readonly DeadLetterRow[]> =>
  db.any(sql.type(DeadLetterRow)`
    select
      batch_id as "batchId",
      source,
      line_number as "lineNumber",
      error_code as "errorCode",
      error,
      left(record, 200) as record
    from ops.dead_letter_queue
    where state = 'open'
    order by batch_id desc, line_number
    limit ${count}
  `);

const RelationRow = z.object({ schema: z.string(), name: z.string() });

/** Relations that strata's models maintain, views included. */
export const maintainedRelations = (
  db: CommonQueryMethods,
): Promise<readonly z.infer<typeof RelationRow>[]> =>
  db.any(sql.type(RelationRow)`
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where
      n.nspname in ('silver', 'gold', 'platinum')
      and c.relkind in ('r', 'p', 'v', 'm')
      and not c.relispartition
    order by n.nspname, c.relname
  `);

const ColumnRow = z.object({ name: z.string() });

/** Columns that count for equality: not surrogate keys, and not where and when a row was loaded. */
const comparedColumns = (
  db: CommonQueryMethods,
  relation: z.infer<typeof RelationRow>,
): Promise<readonly string[]> =>
  db.anyFirst(sql.type(ColumnRow)`
    select a.attname as name
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where
      n.nspname = ${relation.schema}
      and c.relname = ${relation.name}
      and a.attnum > 0
      and not a.attisdropped
      and a.attname not like '\\_%'
      and a.attname not like '%\\_sk'
    order by a.attname
  `);

const ChecksumRow = z.object({ rows: z.string(), checksum: z.string() });

export interface RelationChecksum {
  readonly relation: string;
  readonly rows: string;
  readonly checksum: string;
}

/** A checksum over all rows of a relation, whatever their order; equal contents give equal checksums. */
export const relationChecksum = async (
  db: CommonQueryMethods,
  relation: z.infer<typeof RelationRow>,
): Promise<RelationChecksum> => {
  const columns = await comparedColumns(db, relation);
  const row = sql.join(
    columns.map((column) => sql.identifier(['t', column])),
    sql.fragment`, `,
  );
  const { rows, checksum } = await db.one(sql.type(ChecksumRow)`
    select count(*) as rows, coalesce(md5(string_agg(h, '' order by h)), '') as checksum
    from (
      select md5(row(${row})::text) as h
      from ${sql.identifier([relation.schema, relation.name])} as t
    ) as hashed
  `);
  const named = createHash('md5')
    .update(`${columns.join(',')}:${checksum}`)
    .digest('hex');
  return { relation: `${relation.schema}.${relation.name}`, rows, checksum: named };
};

import { quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import { identityOf } from './build';
import { PROVENANCE } from './delta';
import { isTrackedConfig, loadOrderOf, type MaterializationConfig, partitionFieldOf } from './model-config';
import { VALID_FROM } from './scd2';

/** Relations without periods are compared in so many parts. */
const BUCKETS = 64;
const DIFFERING = 'pg_temp._strata_differing';
const UNEQUAL = 'pg_temp._strata_unequal';

/** Two relations that are to have the same rows, whatever their order. */
export interface Comparison {
  /** As a full refresh gives it. */
  readonly expected: RelationName;
  /** As it stands. */
  readonly actual: RelationName;
  /** Columns of both that are compared; of them those of the key identify a row. Without a key a row is all of itself. */
  readonly columns: readonly string[];
  readonly key: readonly string[];
  /** SQL of a row's period, over `t`. */
  readonly period: string;
  /** Whether `period` is a time, or only a part of the rows. */
  readonly hasPeriods: boolean;
}

const month = (column: string): string =>
  `coalesce(nullif(to_char(t.${q(column)}::timestamptz at time zone 'UTC', 'YYYY-MM'), ''), 'none')`;

/** The column that says which period a row is of, if there is one. */
const periodColumn = (config: MaterializationConfig): string | undefined => {
  switch (config.materialized) {
    case 'scd2':
      return VALID_FROM;
    case 'by_period':
      return config.period_column;
    default:
      return partitionFieldOf(config);
  }
};

const periodOf = (config: MaterializationConfig, columns: readonly string[]): string | undefined => {
  const column = periodColumn(config);
  if (column === undefined || !columns.includes(column)) return undefined;
  return config.materialized === 'by_period' && config.period === 'day'
    ? `coalesce(to_char(t.${q(column)}, 'YYYY-MM-DD'), 'none')`
    : month(column);
};

const rowText = (columns: readonly string[]): string =>
  `row(${columns.map((c) => `t.${q(c)}`).join(', ')})::text`;

/** What is compared: all columns but those of provenance that decide nothing. `columns` are those of both relations. */
export const comparisonOf = (
  config: MaterializationConfig,
  relations: Pick<Comparison, 'expected' | 'actual'>,
  columns: readonly string[],
): Comparison => {
  const loadOrder = loadOrderOf(config);
  const compared = columns.filter((c) => !PROVENANCE.has(c) || loadOrder.includes(c));
  const key = isTrackedConfig(config) ? identityOf(config) : [];
  const period = periodOf(config, columns);
  const bucketed = rowText(key.length > 0 ? key : compared);
  return {
    ...relations,
    columns: compared,
    key,
    period: period ?? `'bucket ' || mod(abs(hashtextextended(${bucketed}, 0)::numeric), ${BUCKETS})`,
    hasPeriods: period !== undefined,
  };
};

const checksums = ({ columns, period }: Comparison, relation: RelationName): string =>
  `select ${period} as period, count(*) as rows, sum(hashtextextended(${rowText(columns)}, 0)::numeric) as checksum
  from ${relationSql(relation)} as t
  group by 1`;

/** `_strata_differing`: of each period the rows there are and those expected, and whether the checksums differ. */
export const comparePeriods = (comparison: Comparison): string[] => [
  `create temporary table _strata_differing on commit drop as
with
expected as (
  ${checksums(comparison, comparison.expected)}
),
actual as (
  ${checksums(comparison, comparison.actual)}
)
select period, coalesce(a.rows, 0) as rows, coalesce(e.rows, 0) as expected_rows,
  a.rows is distinct from e.rows or a.checksum is distinct from e.checksum as differs
from expected as e
full join actual as a using (period)`,
];

/** Over `_strata_differing`: columns `rows`, `periods`, `differing`. */
export const countPeriods = `select coalesce(sum(rows), 0)::text as rows, count(*) filter (where rows > 0)::integer as periods,
  count(*) filter (where differs)::integer as differing
from ${DIFFERING}`;

const inDiffering = ({ period }: Comparison, relation: RelationName): string =>
  `select t.*, ${period} as _period from ${relationSql(relation)} as t
  where ${period} in (select period from ${DIFFERING} where differs)`;

/** Values are shown no longer than this. */
const SHOWN_CHARACTERS = 200;

const jsonOf = (columns: readonly string[], of: (column: string) => string): string =>
  `to_jsonb(array[${columns.map((c) => `left(${of(c)}::text, ${SHOWN_CHARACTERS})`).join(', ')}]::text[])`;

const unequalByKey = (comparison: Comparison): string => {
  const { expected, actual, columns, key } = comparison;
  const join = [...key.map((k) => `a.${q(k)} = e.${q(k)}`), 'a._period = e._period'].join(' and ');
  const values = columns.filter((c) => !key.includes(c));
  const changed = values.map(
    (c) => `case when e.${q(c)} is distinct from a.${q(c)} then '${c.replaceAll("'", "''")}' end`,
  );
  return `with
e as (
  ${inDiffering(comparison, expected)}
),
a as (
  ${inDiffering(comparison, actual)}
),
compared as (
  select coalesce(e._period, a._period) as period,
    case when a._period is null then 'missing' when e._period is null then 'unexpected' else 'different' end as kind,
    ${jsonOf(key, (k) => `coalesce(e.${q(k)}, a.${q(k)})`)} as key,
    case when e._period is null or a._period is null then '{}'
      else array_remove(array[${['null', ...changed].join(', ')}]::text[], null) end as columns
  from e
  full join a on ${join}
)
select period, kind, key, columns, 1::bigint as rows from compared where kind <> 'different' or columns <> '{}'`;
};

const unequalRows = (comparison: Comparison): string => {
  const { expected, actual, columns } = comparison;
  const rows = (relation: RelationName): string =>
    `select ${comparison.period} as period, ${jsonOf(columns, (c) => `t.${q(c)}`)} as key, ${rowText(columns)} as text, count(*) as rows
  from ${relationSql(relation)} as t
  where ${comparison.period} in (select period from ${DIFFERING} where differs)
  group by 1, 2, 3`;
  return `with
e as (
  ${rows(expected)}
),
a as (
  ${rows(actual)}
)
select period, case when coalesce(e.rows, 0) > coalesce(a.rows, 0) then 'missing' else 'unexpected' end as kind,
  coalesce(e.key, a.key) as key, '{}'::text[] as columns, abs(coalesce(e.rows, 0) - coalesce(a.rows, 0)) as rows
from e
full join a using (period, text)
where e.rows is distinct from a.rows`;
};

/**
 * `_strata_unequal`: the rows of differing periods that are missing, unexpected or different, by `is distinct from`: a
 * checksum is of a row's text, and `1.0` equals `1.00`.
 */
export const compareRows = (comparison: Comparison): string[] => [
  `analyze ${DIFFERING}`,
  `create temporary table _strata_unequal on commit drop as
${comparison.key.length > 0 ? unequalByKey(comparison) : unequalRows(comparison)}`,
  // A row that is there twice finds its equal twice.
  `insert into ${UNEQUAL} (period, kind, key, columns, rows)
select period, case when rows > expected_rows then 'unexpected' else 'missing' end, '[]', '{}', abs(rows - expected_rows)
from ${DIFFERING} as d
where rows <> expected_rows and not exists (select from ${UNEQUAL} as u where u.period = d.period)`,
];

/** Over `_strata_unequal`, by period: columns `period`, `missing`, `unexpected`, `different`; oldest first. */
export const countUnequal = `select period, ${['missing', 'unexpected', 'different']
  .map((kind) => `coalesce(sum(rows) filter (where kind = '${kind}'), 0)::text as ${kind}`)
  .join(', ')}
from ${UNEQUAL} group by period order by period`;

/** The first rows of `_strata_unequal`: columns `period`, `kind`, `key`, `columns`. */
export const firstUnequal = (limit: number): string =>
  `select period, kind, key, columns from ${UNEQUAL} order by period, kind, key limit ${limit}`;

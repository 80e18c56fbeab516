import type { ArchiveColumn, ArchiveKind } from '../../domain/archive-manifest';
import { assertNever } from '../../domain/assert-never';
import { quoteIdentifier as q, relationSql, sqlLiteral } from '../identifiers';
import type { RelationName } from '../manifest';

/** What makes texts of values the same in every session. */
export const ARCHIVE_SETTINGS = [
  "set local timezone = 'UTC'",
  "set local datestyle = 'ISO, YMD'",
  "set local intervalstyle = 'postgres'",
  'set local extra_float_digits = 1',
  "set local bytea_output = 'hex'",
];

/**
 * A value as text that says exactly what lies in the file: whole numbers for times (microseconds, days) and decimals.
 * Infinite times and NaN have no such number, and go by their names: a month with one stays where it is.
 */
const exported = ({ name, kind, scale = 0 }: ArchiveColumn): string => {
  const column = `t.${q(name)}`;
  switch (kind) {
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'text':
      return `${column}::text`;
    case 'decimal':
      return `trim_scale(${column} * 1${'0'.repeat(scale)})::text`;
    case 'timestamptz':
    case 'timestamp':
      return `trim_scale(extract(epoch from ${column}) * 1000000)::text`;
    case 'date':
      return `case when isfinite(${column}) then (${column} - date '1970-01-01')::text else ${column}::text end`;
    case 'double':
      return `encode(float8send(${column}::float8), 'hex')`;
    default:
      return assertNever(kind);
  }
};

const DAY_MICROS = '86400000000';
/** PostgreSQL has some years more than there are microseconds in 64 bits. */
const BEYOND_MICROS = '294247-01-01 00:00:00';

/** The value of such a text; `as` is the type of the column it goes to. */
const imported = (text: string, kind: ArchiveKind, { type, scale = 0 }: ArchiveColumn): string => {
  const moment = `(date '1970-01-01' + div(${text}::numeric, ${DAY_MICROS})::integer)::timestamp
    + mod(${text}::bigint, ${DAY_MICROS}) * interval '1 microsecond'`;
  switch (kind) {
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'text':
      return `${text}::${type}`;
    case 'decimal':
      return `(${text}::numeric / 1${'0'.repeat(scale)})::${type}`;
    case 'timestamptz':
      return `((${moment}) at time zone 'UTC')`;
    case 'timestamp':
      return `(${moment})`;
    case 'date':
      return `(date '1970-01-01' + ${text}::integer)`;
    case 'double':
      return `${text}::${type}`;
    default:
      return assertNever(kind);
  }
};

/** Selects a table's rows as texts: columns `c0`, `c1` ... */
export const exportRows = (table: RelationName, columns: readonly ArchiveColumn[]): string =>
  `select ${columns.map((c, i) => `${exported(c)} as c${i}`).join(', ')} from ${relationSql(table)} as t`;

/** Inserts rows of texts; each column is a parameter, an array of texts. A double comes as its shortest decimal. */
export const importRows = (table: RelationName, columns: readonly ArchiveColumn[]): string =>
  `insert into ${relationSql(table)} (${columns.map((c) => q(c.name)).join(', ')})
select ${columns.map((c, i) => imported(`r.c${i}`, c.kind, c)).join(', ')}
from unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}) as r (${columns.map((_, i) => `c${i}`).join(', ')})`;

/** Whether a column's value has no whole number of 64 bits (see {@link exported}); undefined: every value has. */
const unfit = ({ name, kind }: ArchiveColumn): string | undefined => {
  const column = `t.${q(name)}`;
  switch (kind) {
    case 'decimal':
      return `${column} = 'NaN'`;
    case 'timestamptz':
    case 'timestamp':
      return `(not isfinite(${column}) or ${column} >= '${BEYOND_MICROS}')`;
    case 'date':
      return `not isfinite(${column})`;
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'double':
    case 'text':
      return undefined;
    default:
      return assertNever(kind);
  }
};

/** One row: of each column that may have values that don't fit a file, whether it has; undefined: none may. */
export const unfitRows = (table: RelationName, columns: readonly ArchiveColumn[]): string | undefined => {
  const found = columns.flatMap((c) => {
    const condition = unfit(c);
    return condition === undefined ? [] : [`coalesce(bool_or(${condition}), false) as ${q(c.name)}`];
  });
  return found.length === 0 ? undefined : `select ${found.join(', ')} from ${relationSql(table)} as t`;
};

const checksum = (text: string): string =>
  `coalesce(sum(('x' || substr(encode(sha256(convert_to(${text}, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint::numeric), 0)::text`;

/** One row: `rows`, and of each column its NULLs `n0` ... and the sum of its values' digests `s0` ... */
export const sumRows = (from: string, columns: readonly ArchiveColumn[], where = 'true'): string =>
  `select count(*) as rows, ${columns
    .map((c, i) => `count(*) - count(t.${q(c.name)}) as n${i}, ${checksum(exported(c))} as s${i}`)
    .join(', ')}
from ${from} as t where ${where}`;

/** The next rows of the cursor `_strata_rows`. */
export const fetchRows = (rows: number): string => `fetch ${rows} from _strata_rows`;

/** Rows of `from` where a condition holds: a query with a row for each. */
export const rowsWhere = (from: string, condition: string): string =>
  `select from ${from} where ${condition}`;

export const countWhere = (from: string, condition: string): string =>
  `select count(*) as rows from ${from} where ${condition}`;

interface Months {
  readonly from: string;
  readonly to: string;
}

/** Whether a column lies in the months `[from, to)`. */
export const inMonths = (column: string, { from, to }: Months): string =>
  `(${column} >= ${sqlLiteral(`${from} 00:00:00+00`)}::timestamptz and ${column} < ${sqlLiteral(`${to} 00:00:00+00`)}::timestamptz)`;

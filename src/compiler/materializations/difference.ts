import { quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';

/** A table that stands, and the rows that it is to have. */
export interface Refreshed {
  readonly table: RelationName;
  readonly columns: readonly string[];
  /** The table's primary key. */
  readonly key: readonly string[];
  /** What the rows come from: a table, or a sub-select with its alias. */
  readonly from: string;
}

/** Rows that a table has and is not to have (`_stands`), or is to have and has not (`_comes`), or has otherwise (both). */
export const DIFFERENCE = 'pg_temp._strata_difference';
/** The rows of the difference that come. */
export const COMING = `(select * from ${DIFFERENCE} where _comes) as coming`;

/** The difference of the two, by one join. */
export const findDifference = ({ table, columns, key, from }: Refreshed): string => {
  const others = columns.filter((c) => !key.includes(c));
  const of = (alias: string): string[] => others.map((c) => `${alias}.${q(c)}`);
  const first = q(key[0] as string);
  const differs =
    others.length === 0
      ? ''
      : ` or row(${of('standing').join(', ')}) is distinct from row(${of('wanted').join(', ')})`;
  return `create temporary table _strata_difference on commit drop as
select ${[...key.map(q), ...of('wanted')].join(', ')}, standing.${first} is not null as _stands, wanted.${first} is not null as _comes
from ${relationSql(table)} as standing
full join (select * from ${from}) as wanted using (${key.map(q).join(', ')})
where standing.${first} is null or wanted.${first} is null${differs}`;
};

export const analyzeDifference = `analyze ${DIFFERENCE}`;
export const dropDifference = `drop table ${DIFFERENCE}`;

/** Takes out what is no more, or otherwise now. */
export const deleteStanding = ({ table, key }: Refreshed): string =>
  `delete from ${relationSql(table)} as t using ${DIFFERENCE} as d
where d._stands and ${key.map((k) => `t.${q(k)} = d.${q(k)}`).join(' and ')}`;

export const insertComing = ({ table, columns }: Refreshed): string => {
  const list = columns.map(q).join(', ');
  return `insert into ${relationSql(table)} (${list}) select ${list} from ${COMING}`;
};

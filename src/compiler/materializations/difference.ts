import { quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import { equalKeys } from './delta';

/** A table that stands, and the rows that it is to have. */
export interface Refreshed {
  readonly table: RelationName;
  readonly columns: readonly string[];
  /** The table's primary key. */
  readonly key: readonly string[];
  /** Whether more than the key is unique in it: two rows may then change places in that. */
  readonly isUniqueOtherwise: boolean;
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

/**
 * Makes the table's rows what they are to be. A row that is otherwise now is changed where it stands, which costs less than
 * to take it out and put it in anew; where more is unique than the key, everything that goes does before anything comes.
 */
export const writeDifference = ({ table, columns, key, isUniqueOtherwise }: Refreshed): string[] => {
  const target = relationSql(table);
  const list = columns.map(q).join(', ');
  const others = columns.filter((c) => !key.includes(c));
  const isSameRow = equalKeys(key, 't', 'd');
  const leave = (which: string): string =>
    `delete from ${target} as t using ${DIFFERENCE} as d\nwhere ${which} and ${isSameRow}`;
  const enter = (which: string): string =>
    `insert into ${target} (${list}) select ${list} from ${DIFFERENCE} where ${which}`;
  if (isUniqueOtherwise) return [leave('d._stands'), enter('_comes')];
  const change = `update ${target} as t set ${others.map((c) => `${q(c)} = d.${q(c)}`).join(', ')}
from ${DIFFERENCE} as d\nwhere d._stands and d._comes and ${isSameRow}`;
  return [
    leave('d._stands and not d._comes'),
    ...(others.length === 0 ? [] : [change]),
    enter('_comes and not _stands'),
  ];
};

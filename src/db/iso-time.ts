import type { FragmentSqlToken } from 'slonik';
import { sql } from './sql';

/** A `timestamptz` as ISO text in UTC, with microseconds. `time`: a column, `table.column` too, or an expression. */
export const isoTime = (time: string | FragmentSqlToken): FragmentSqlToken => {
  const value = typeof time === 'string' ? sql.identifier(time.split('.')) : time;
  return sql.fragment`to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
};

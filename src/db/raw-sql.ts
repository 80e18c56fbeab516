import type { QuerySqlToken } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';

const AnyRow = z.record(z.any());

/**
 * The one door for SQL that exists only as text: migrations and compiled models, and nothing else. Values never
 * pass here; strata's own statements use slonik's tag, where each value is bound.
 */
export const rawSql = (text: string): QuerySqlToken<typeof AnyRow> => ({
  ...sql.type(AnyRow)``,
  sql: text,
});

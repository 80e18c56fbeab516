import { createSqlTag } from 'slonik';
import { z } from 'zod';

/**
 * slonik's tag: each value is bound, each query says the type of its rows by `sql.type(...)`, or by
 * `sql.typeAlias('void')` that it has none of interest.
 */
export const sql = createSqlTag({ typeAliases: { void: z.object({}) } });

import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';

const LetterRow = z.object({ lineNumber: z.coerce.number(), errorCode: z.string(), error: z.string() });
export type LetterRow = z.infer<typeof LetterRow>;

/** The first bad rows of a batch: where, and why. */
export const firstLetters = (
  db: CommonQueryMethods,
  batchId: string,
  count: number,
): Promise<readonly LetterRow[]> =>
  db.any(sql.type(LetterRow)`
    select line_number as "lineNumber", error_code as "errorCode", error
    from ops.dead_letter
    where batch_id = ${batchId}::bigint
    order by line_number, id
    limit ${count}
  `);

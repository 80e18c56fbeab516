import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { Verification } from '../wire/transform';

/** A row that differs. `key` has the values of the model's key in its order; of a relation without one, of all columns. */
const UnequalRow = z.object({
  period: z.string(),
  kind: z.enum(['missing', 'unexpected', 'different']),
  key: z.array(z.string().nullable()),
  /** Of a row that is different: which columns are. */
  columns: z.array(z.string()),
});
export type UnequalRow = z.infer<typeof UnequalRow>;

const PeriodDifference = z.object({
  period: z.string(),
  missing: z.number(),
  unexpected: z.number(),
  different: z.number(),
});

const Differences = z.object({
  problem: z.string().optional(),
  count: z.number().optional(),
  periods: z.array(PeriodDifference).optional(),
  rows: z.array(UnequalRow).optional(),
});

const VerificationRow = z.object({
  nodeId: z.string(),
  relation: z.string(),
  equal: z.boolean(),
  rows: z.string(),
  periods: z.number().nullable(),
  differences: Differences,
  durationMs: z.string(),
});

export interface RecordedVerification {
  readonly nodeId: string;
  readonly relation: string;
  readonly verification: Verification;
  /** The first rows that differ. */
  readonly unequal: readonly UnequalRow[];
  readonly durationMs: number;
}

const toRecorded = (row: z.infer<typeof VerificationRow>): RecordedVerification => {
  const { problem, count, periods, rows = [] } = row.differences;
  return {
    nodeId: row.nodeId,
    relation: row.relation,
    verification: {
      equal: row.equal,
      rows: Number(row.rows),
      ...(row.periods === null ? {} : { periods: row.periods }),
      ...(problem === undefined ? {} : { problem }),
      ...(periods === undefined ? {} : { differences: periods, differenceCount: count }),
    },
    unequal: rows,
    durationMs: Number(row.durationMs),
  };
};

/** What the comparisons of a run came to. */
export const findVerifications = async (
  connection: CommonQueryMethods,
  runId: string,
): Promise<RecordedVerification[]> => {
  const rows = await connection.any(sql.type(VerificationRow)`
    select node_id as "nodeId", relation, equal, rows, periods, differences, duration_ms as "durationMs"
    from ops.verification where run_id = ${runId} order by relation
  `);
  return rows.map(toRecorded);
};

/** Records a comparison, once per run and node (unique violation). */
export const recordVerification = async (
  connection: CommonQueryMethods,
  runId: string,
  { nodeId, relation, verification, unequal, durationMs }: RecordedVerification,
): Promise<void> => {
  const { equal, rows, periods, problem, differences, differenceCount } = verification;
  const kept = { problem, count: differenceCount, periods: differences, ...(equal ? {} : { rows: unequal }) };
  await connection.query(sql.typeAlias('void')`
    insert into ops.verification (run_id, node_id, relation, equal, rows, periods, differences, duration_ms)
    values (
      ${runId}, ${nodeId}, ${relation}, ${equal}, ${rows}, ${periods ?? null}, ${JSON.stringify(kept)}::jsonb,
      ${Math.round(durationMs)}
    )
  `);
};

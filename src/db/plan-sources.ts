import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';

const Found = z.object({ plan_hash: z.string() });

/** The plan that these sources were compiled to; undefined where nobody has noted it. */
export const findPlanOfSource = async (
  connection: CommonQueryMethods,
  sourceHash: string,
): Promise<string | undefined> =>
  (await connection.maybeOneFirst(
    sql.type(Found)`select plan_hash from ops.plan_source where source_hash = ${sourceHash}`,
  )) ?? undefined;

/** Notes it for the next command; needs the transformer's role, whose runs go by it. Idempotent. */
export const notePlanOfSource = async (
  connection: CommonQueryMethods,
  { sourceHash, planHash }: { readonly sourceHash: string; readonly planHash: string },
): Promise<void> => {
  await connection.query(sql.type(z.object({}))`
    insert into ops.plan_source (source_hash, plan_hash) values (${sourceHash}, ${planHash})
    on conflict (source_hash) do nothing
  `);
};

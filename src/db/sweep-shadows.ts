import type { DatabasePool } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { SHADOW_PREFIX, shadowSchema } from '../compiler/shadow';
import { asLoginRole } from './acting-role';
import { isSqlState, LOCK_NOT_AVAILABLE } from './sqlstate';

/** A leftover that somebody reads is left to the next sweep. */
const DROP_WAIT = '5s';

/** Whether a workflow run still goes on; asked of Temporal. */
export type IsOpen = (run: { workflowId: string; runId: string }) => Promise<boolean>;

const SchemaRow = z.object({ schema: z.string(), is_ours: z.boolean() });
type ShadowSchema = z.infer<typeof SchemaRow>;
const RunRow = z.object({ runId: z.string(), workflowId: z.string() });

const shadowSchemas = (pool: DatabasePool): Promise<readonly ShadowSchema[]> =>
  pool.any(sql.type(SchemaRow)`
    select nspname as schema, pg_has_role(nspowner, 'usage') as is_ours
    from pg_namespace where starts_with(nspname, ${SHADOW_PREFIX})
  `);

/** Says whether it is gone. */
const dropSchema = async (pool: DatabasePool, { schema, is_ours }: ShadowSchema): Promise<boolean> => {
  const statement = sql.typeAlias('void')`drop schema if exists ${sql.identifier([schema])} cascade`;
  try {
    await pool.transaction(async (transaction) => {
      await transaction.query(sql.typeAlias('void')`select set_config('lock_timeout', ${DROP_WAIT}, true)`);
      const drop = () => transaction.query(statement);
      // One that a worker without roles has made.
      await (is_ours ? drop() : asLoginRole(transaction, drop));
    });
    return true;
  } catch (error) {
    if (!isSqlState(error, LOCK_NOT_AVAILABLE)) throw error;
    return false;
  }
};

/** Drops the shadows of runs that have ended, however they did; those of runs that go on are left alone. Returns how many. */
export const sweepShadows = async (pool: DatabasePool, isOpen: IsOpen): Promise<number> => {
  const schemas = await shadowSchemas(pool);
  if (schemas.length === 0) return 0;
  const running = await pool.any(sql.type(RunRow)`
    select run_id as "runId", workflow_id as "workflowId" from ops.run
    where state = 'running' and command = 'verify'
  `);
  let dropped = 0;
  for (const shadow of schemas) {
    const owner = running.find(({ runId }) => shadowSchema(runId) === shadow.schema);
    if (owner !== undefined && (await isOpen(owner))) continue;
    if (await dropSchema(pool, shadow)) dropped += 1;
  }
  return dropped;
};

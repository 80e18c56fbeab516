import type { DatabasePool } from 'slonik';
import { rawSql } from '../../src/db/raw-sql';

/** A migrated database as if new: no batches, no runs, no models; faster than making another. */
export const emptyWarehouse = async (pool: DatabasePool): Promise<void> => {
  for (const statement of [
    'drop schema if exists silver cascade',
    'drop schema if exists gold cascade',
    'drop schema if exists platinum cascade',
    'truncate ops.run, ops.batch, ops.load, ops.relation, ops.model_progress cascade',
    `do $$ declare t regclass; begin
      for t in select oid::regclass from pg_class where relnamespace in ('strata_feed'::regnamespace, 'strata_keys'::regnamespace) and relkind = 'r' loop
        execute format('drop table %s', t);
      end loop;
      for t in select oid::regclass from pg_class where relnamespace = 'strata_bronze'::regnamespace and relkind = 'r' loop
        execute format('truncate %s', t);
      end loop;
    end $$`,
  ])
    await pool.query(rawSql(statement));
};

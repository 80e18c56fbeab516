import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { setFillfactor } from '../compiler/materializations/build';
import type { TrackedConfig } from '../compiler/materializations/model-config';
import type { RelationName } from '../compiler/manifest';
import { sql } from './sql';
import { execute } from './stage-model';

/**
 * Gives a relation that stands the `fillfactor` of its model, for pages that are written from now on. Of a model without one it
 * stays what somebody made it.
 */
export const alignFillfactor = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  { fillfactor }: TrackedConfig,
): Promise<void> => {
  if (fillfactor === undefined) return;
  const standing = await connection.maybeOneFirst(sql.type(z.object({ value: z.coerce.number() }))`
    select o.option_value as value
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral pg_options_to_table(c.reloptions) as o
    where n.nspname = ${relation.schema} and c.relname = ${relation.name} and o.option_name = 'fillfactor'
  `);
  if (standing !== fillfactor) await execute(connection, [setFillfactor(relation, fillfactor)]);
};

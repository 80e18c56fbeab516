import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import { sql } from './sql';

const PartitionRow = z.object({ schema: z.string(), name: z.string(), bounds: z.string() });

/** The partitions of a table, with their bounds as `attach partition` takes them. */
export const listPartitions = (connection: CommonQueryMethods, { schema, name }: RelationName) =>
  connection.any(sql.type(PartitionRow)`
    select cn.nspname as schema, c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits as i
    inner join pg_class as p on p.oid = i.inhparent
    inner join pg_namespace as pn on pn.oid = p.relnamespace
    inner join pg_class as c on c.oid = i.inhrelid
    inner join pg_namespace as cn on cn.oid = c.relnamespace
    where pn.nspname = ${schema} and p.relname = ${name}
    order by c.relname
  `);

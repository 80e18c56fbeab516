import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { RelationName } from '../compiler/manifest';
import { sql } from './sql';

const ViewRow = z.object({
  schema: z.string(),
  name: z.string(),
  /** Whether this role may drop it. */
  is_ours: z.boolean(),
  statements: z.array(z.string()),
});

/**
 * Views that read a relation, directly or over other views, in the order in which they can be made again; with the
 * statements that do it: options such as `security_invoker`, comment and, where this role may give it, owner included.
 */
export const dependentViews = (connection: CommonQueryMethods, relation: RelationName) =>
  connection.any(sql.type(ViewRow)`
    with recursive dependents (oid, depth) as (
      select c.oid, 0 from pg_class as c
      inner join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = ${relation.schema} and c.relname = ${relation.name}
      union all
      select r.ev_class, d.depth + 1
      from dependents as d
      inner join pg_depend as p on p.refclassid = 'pg_class'::regclass and p.refobjid = d.oid and p.classid = 'pg_rewrite'::regclass
      inner join pg_rewrite as r on r.oid = p.objid and r.ev_class <> d.oid
      where d.depth < 100
    )
    select n.nspname as schema, c.relname as name, pg_has_role(c.relowner, 'usage') as is_ours, array_remove(array[
      format(
        'create view %I.%I%s as %s', n.nspname, c.relname,
        ' with (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)
      ),
      format('comment on view %I.%I is %L', n.nspname, c.relname, obj_description(c.oid, 'pg_class')),
      case
        when c.relowner <> current_user::regrole and pg_has_role(c.relowner, 'member')
          then format('alter view %I.%I owner to %I', n.nspname, c.relname, pg_get_userbyid(c.relowner))
      end
    ], null) as statements
    from (select oid, max(depth) as depth from dependents where depth > 0 group by oid) as v
    inner join pg_class as c on c.oid = v.oid and c.relkind = 'v'
    inner join pg_namespace as n on n.oid = c.relnamespace
    order by v.depth, c.oid
  `);

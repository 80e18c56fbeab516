import type { CommonQueryMethods, DatabasePool, FragmentSqlToken } from 'slonik';
import { sql } from './sql';

/** Rows that one statement removes: a second's work. */
const ROWS_AT_ONCE = 5_000;
/** Results of each node that stay however old they are: more than any suspension looks back on. */
const KEPT_RESULTS = 50;

export interface Trim {
  /** What is older may go. */
  readonly days: number;
  /** A model that failed alike in so many runs in a row is suspended. */
  readonly suspendAfter: number;
  readonly rowsAtOnce?: number;
}

/** What may go of a table that is called `t`, and why the rest stays. */
interface History {
  readonly table: string;
  readonly removable: (isOld: (time: FragmentSqlToken) => FragmentSqlToken, trim: Trim) => FragmentSqlToken;
}

/** The loader's. Chunks of a load that is published are no place to go on from. */
export const LOADER_HISTORIES: readonly History[] = [
  {
    table: 'load_chunk',
    removable: (isOld) => sql.fragment`
      exists (
        select from ops.load as l
        where l.load_id = t.load_id and l.position is not null and ${isOld(sql.fragment`l.loaded_at`)}
      )
    `,
  },
];

const ofOpenRun = sql.fragment`
  exists (select from ops.run as r where r.run_id = t.run_id and r.state = 'running')
`;

/**
 * The order matters: a run goes when its results have. What is needed stays: the newest check of each source, the
 * newest results of each node (suspensions count them), the newest comparison of each relation, the suspension that was
 * lifted last (failures are counted from there on), incidents that are open, and the run that was the first to bring a
 * load to the marts (`ops.batch_lag`).
 */
export const RUN_HISTORIES: readonly History[] = [
  {
    table: 'freshness_result',
    removable: (isOld) => sql.fragment`
      ${isOld(sql.fragment`t.checked_at`)} and exists (
        select from ops.freshness_result as n
        where n.source_id = t.source_id and (n.as_of, n.checked_at) > (t.as_of, t.checked_at)
      )
    `,
  },
  {
    table: 'alert_delivery',
    removable: (isOld) => sql.fragment`
      t.state <> 'pending' and ${isOld(sql.fragment`t.finished_at`)}
      and not exists (
        select from ops.incident as i where i.incident_id = t.incident_id and i.state = 'firing'
      )
    `,
  },
  {
    table: 'incident',
    removable: (isOld) => sql.fragment`
      t.state = 'resolved' and ${isOld(sql.fragment`t.resolved_at`)}
      and not exists (select from ops.alert_delivery as d where d.incident_id = t.incident_id)
    `,
  },
  { table: 'alert_mute', removable: (isOld) => isOld(sql.fragment`t.until`) },
  {
    table: 'node_suspension',
    removable: (isOld) => sql.fragment`
      ${isOld(sql.fragment`t.lifted_at`)} and exists (
        select from ops.node_suspension as n where n.node_id = t.node_id and n.lifted_at > t.lifted_at
      )
    `,
  },
  {
    table: 'verification',
    removable: (isOld) => sql.fragment`
      ${isOld(sql.fragment`t.verified_at`)} and not ${ofOpenRun} and exists (
        select from ops.verification as n where n.relation = t.relation and n.verified_at > t.verified_at
      )
    `,
  },
  {
    table: 'model_run',
    removable: (isOld, { suspendAfter }) => sql.fragment`
      ${isOld(sql.fragment`t.finished_at`)} and not ${ofOpenRun} and (
        select count(*) from (
          select from ops.model_run as n
          where n.node_id = t.node_id and n.finished_at > t.finished_at and n.state <> 'skipped'
          limit ${Math.max(KEPT_RESULTS, suspendAfter)}
        ) as newer
      ) >= ${Math.max(KEPT_RESULTS, suspendAfter)}
    `,
  },
  {
    table: 'node_attempt',
    removable: (isOld) => sql.fragment`
      exists (
        select from ops.run as r
        where r.run_id = t.run_id and r.state <> 'running' and ${isOld(sql.fragment`r.finished_at`)}
      )
    `,
  },
  {
    table: 'run',
    removable: (isOld) => sql.fragment`
      t.state <> 'running' and ${isOld(sql.fragment`t.finished_at`)}
      and not exists (select from ops.model_run as m where m.run_id = t.run_id)
      and not exists (select from ops.verification as v where v.run_id = t.run_id)
      and not (t.command = 'run' and t.state = 'success' and exists (
        select from ops.run_input as i
        where i.run_id = t.run_id and i.position > 0 and not exists (
          select from ops.run_input as o
          inner join ops.run as e on e.run_id = o.run_id
          where o.dataset = i.dataset and o.position = i.position and e.command = 'run' and e.state = 'success'
            and (e.finished_at, e.run_id) < (t.finished_at, t.run_id)
        )
      ))
    `,
  },
];

const removeSome = async (
  db: CommonQueryMethods,
  { table, removable }: History,
  trim: Trim,
): Promise<number> => {
  const isOld = (time: FragmentSqlToken): FragmentSqlToken =>
    sql.fragment`${time} < clock_timestamp() - ${trim.days}::int * interval '1 day'`;
  const name = sql.identifier(['ops', table]);
  const { rowCount } = await db.query(sql.typeAlias('void')`
    delete from ${name} where ctid = any (array(
      select t.ctid from ${name} as t
      where ${removable(isOld, trim)}
      limit ${trim.rowsAtOnce ?? ROWS_AT_ONCE}
      for update of t skip locked
    ))
  `);
  return rowCount;
};

/** Removes some of what is older than the retention, each table by itself. Says how many rows, and whether more is left. */
export const trimHistories = async (
  pool: DatabasePool,
  histories: readonly History[],
  trim: Trim,
): Promise<{ removed: Record<string, number>; more: boolean }> => {
  const removed: Record<string, number> = {};
  if (trim.days === 0) return { removed, more: false };
  for (const history of histories) removed[`ops.${history.table}`] = await removeSome(pool, history, trim);
  const limit = trim.rowsAtOnce ?? ROWS_AT_ONCE;
  return { removed, more: Object.values(removed).some((rows) => rows >= limit) };
};

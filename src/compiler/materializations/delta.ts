import { feedRelation, quoteIdentifier, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';

/**
 * How a tracked relation changes: the model's rows are staged, compared with the relation, and only what differs is
 * written, to the relation and to its change feed alike. Rows that stay the same are not touched.
 */
export interface DeltaInput {
  readonly target: RelationName;
  /** All columns of the target. */
  readonly columns: readonly string[];
  readonly key: readonly string[];
  /** Rows with a lower or equal load order than the target's are old news. */
  readonly loadOrder?: readonly string[] | undefined;
  /** A predicate over the target (alias `t`): its rows leave where they are not staged. */
  readonly scope?: string | undefined;
  /** Whether staged rows have `_gone`, which makes them leave the target, or not enter it. */
  readonly hasGone?: boolean | undefined;
}

export const STAGED = 'pg_temp._strata_staged';
export const SOURCE = 'pg_temp._strata_source';
export const DELTA = 'pg_temp._strata_delta';

/** Columns that say where a row came from; they alone are no change. */
export const PROVENANCE = new Set(['_loaded_at', '_batch_id', '_row_number']);

const list = (columns: readonly string[], alias?: string): string =>
  columns.map((c) => (alias ? `${alias}.${quoteIdentifier(c)}` : quoteIdentifier(c))).join(', ');

const equalKeys = (key: readonly string[], a: string, b: string): string =>
  key.map((k) => `${a}.${quoteIdentifier(k)} = ${b}.${quoteIdentifier(k)}`).join(' and ');

const differs = ({ columns, key }: DeltaInput): string => {
  const compared = columns.filter((c) => !key.includes(c) && !PROVENANCE.has(c));
  return compared.length === 0
    ? 'false'
    : `row(${list(compared, 's')}) is distinct from row(${list(compared, 't')})`;
};

/** Makes the (empty) feed of a relation, with the relation's columns as they are now. */
export const createFeed = (target: RelationName, like: RelationName): string[] => [
  `drop table if exists ${relationSql(feedRelation(target))}`,
  `create table ${relationSql(feedRelation(target))} (like ${relationSql(like)}, _weight smallint not null, _version bigint not null)`,
  `create index on ${relationSql(feedRelation(target))} (_version)`,
];

/** `_strata_delta`: what is to be done, `_op` i(nsert), u(pdate), d(elete), or r(emember a greater load order). */
export const compareStaged = (input: DeltaInput): string[] => {
  const { target, columns, key, loadOrder, scope, hasGone } = input;
  const first = quoteIdentifier(key[0] as string);
  const gone = hasGone ? 's._gone' : 'false';
  const newer = loadOrder ? `row(${list(loadOrder, 's')}) > row(${list(loadOrder, 't')})` : 'true';
  const statements = [
    `create temporary table _strata_delta on commit drop as
select ${list(columns, 's')}, case
  when ${gone} then 'd' when t.${first} is null then 'i' when ${differs(input)} then 'u' else 'r' end as _op
from ${STAGED} as s
left join ${relationSql(target)} as t on ${equalKeys(key, 's', 't')}
where case
  when t.${first} is null then not ${gone}
  else ${newer} and (${gone} or ${loadOrder ? 'true' : differs(input)}) end`,
  ];
  if (scope !== undefined)
    statements.push(`insert into ${DELTA} (${list(columns)}, _op)
select ${list(columns, 't')}, 'd'
from ${relationSql(target)} as t
where ${scope} and not exists (select from ${STAGED} as s where ${equalKeys(key, 's', 't')})`);
  return [...statements, `analyze ${DELTA}`];
};

/** Counts of `_strata_delta`: columns `inserted`, `updated`, `deleted`, `remembered`. */
export const countDelta = `select
  count(*) filter (where _op = 'i') as inserted, count(*) filter (where _op = 'u') as updated,
  count(*) filter (where _op = 'd') as deleted, count(*) filter (where _op = 'r') as remembered
from ${DELTA}`;

/** Appends the old images (weight -1) and the new ones (+1) to the feed. Must run before {@link applyDelta}. */
export const feedDelta = ({ target, columns, key }: DeltaInput, version: bigint): string =>
  `insert into ${relationSql(feedRelation(target))} (${list(columns)}, _weight, _version)
select ${list(columns, 't')}, -1, ${version}
from ${DELTA} as d
inner join ${relationSql(target)} as t on ${equalKeys(key, 't', 'd')}
where d._op in ('u', 'd')
union all
select ${list(columns, 'd')}, 1, ${version}
from ${DELTA} as d
where d._op in ('i', 'u')`;

/** Deletes, then updates, then inserts: in this order a history of versions never overlaps in between. */
export const applyDelta = ({ target, columns, key }: DeltaInput): string[] => {
  const others = columns.filter((c) => !key.includes(c));
  const set = others.map((c) => `${quoteIdentifier(c)} = d.${quoteIdentifier(c)}`).join(', ');
  const table = relationSql(target);
  return [
    `delete from ${table} as t using ${DELTA} as d where d._op = 'd' and ${equalKeys(key, 't', 'd')}`,
    ...(others.length === 0
      ? []
      : [
          `update ${table} as t set ${set} from ${DELTA} as d where d._op in ('u', 'r') and ${equalKeys(key, 't', 'd')}`,
        ]),
    `insert into ${table} (${list(columns)}) select ${list(columns)} from ${DELTA} where _op = 'i'`,
  ];
};

import { feedRelation, quoteIdentifier, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import type { KeyPlaces } from './key-places';

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
  /** Rows with the target's load order count too: the target has got columns that they fill. */
  readonly backfill?: boolean | undefined;
  /** Whether staged rows have `_gone`, which makes them leave the target, or not enter it. */
  readonly hasGone?: boolean | undefined;
  /** Whether rows change places in what is unique beside the key: what would be updated goes before anything comes. */
  readonly isUniqueOtherwise?: boolean | undefined;
  /** What the target is partitioned by, if it is. */
  readonly partitionField: string | undefined;
  /** Where the target's keys lie, if they don't say it themselves; its rows are then found by key and place. */
  readonly places?: KeyPlaces | undefined;
  /** `probe`: the target's rows are looked up one by one, by the index, whatever the planner thinks. */
  readonly lookup?: 'probe' | undefined;
}

export const STAGED = 'pg_temp._strata_staged';
export const SOURCE = 'pg_temp._strata_source';
export const DELTA = 'pg_temp._strata_delta';
/** In the delta of a relation with {@link KeyPlaces}: where the key's row lies as yet. */
export const PLACE = '_place';
/** In the delta: where in its table the row is that stands as yet. It stays there: the relation has one writer. */
const TID = '_tid';
/** In the delta: the n-th column of the row that stands as yet. */
const old = (n: number): string => `_old_${n + 1}`;

/** Columns that say where a row came from; they alone are no change. */
export const PROVENANCE = new Set(['_loaded_at', '_batch_id', '_row_number']);

const list = (columns: readonly string[], alias?: string): string =>
  columns.map((c) => (alias ? `${alias}.${quoteIdentifier(c)}` : quoteIdentifier(c))).join(', ');

/** Whether the rows of two aliases have the same key. */
export const equalKeys = (key: readonly string[], a: string, b: string): string =>
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
  `create index on ${relationSql(feedRelation(target))} using brin (_version) with (autosummarize = on)`,
  // The few versions that a feed has are known from few of its rows; analyzing looks at 300 times as many as this says.
  `alter table ${relationSql(feedRelation(target))} alter column _version set statistics 10`,
];

/**
 * What is to be done with a staged row, or why nothing is: i(nsert), u(pdate), d(elete), r(emember a greater load
 * order), s(ame), o(lder than the target's row), n(ever entered, since it is gone).
 */
const operation = (input: DeltaInput): string => {
  const { key, loadOrder, hasGone, backfill } = input;
  const absent = `t.${quoteIdentifier(key[0] as string)} is null`;
  const enters = hasGone
    ? `when ${absent} then case when s._gone then 'n' else 'i' end`
    : `when ${absent} then 'i'`;
  const leaves = hasGone ? `when s._gone then 'd' ` : '';
  const changes = `${leaves}when ${differs(input)} then 'u'`;
  if (!loadOrder) return `case ${enters} ${changes} else 's' end`;
  const [mine, theirs] = [`row(${list(loadOrder, 's')})`, `row(${list(loadOrder, 't')})`];
  return `case ${enters}
  when ${mine} > ${theirs} then case ${changes} else 'r' end
  when ${mine} = ${theirs} then ${backfill ? `case when ${differs(input)} then 'u' else 's' end` : "'s'"}
  else 'o' end`;
};

/** Without a load order the rows that stay as they are, most of them perhaps, need not be in the delta. */
const isOfInterest = (input: DeltaInput): string => {
  if (input.loadOrder) return '';
  const absent = `t.${quoteIdentifier(input.key[0] as string)} is null`;
  return `\nwhere ${absent} or ${input.hasGone ? 's._gone or ' : ''}${differs(input)}`;
};

/**
 * The target's rows, to the staged ones, as `t`; with places also where a key lies, as `k`. Looked up one at a time, only
 * the partition is looked into that has the key: the planner adds up the cost of all, and would rather hash the whole
 * relation. `offset 0` keeps it from that.
 */
const joinTarget = ({ target, key, places, lookup }: DeltaInput): string => {
  const field = places === undefined ? undefined : quoteIdentifier(places.field);
  const lookups = [
    ...(places ? [{ table: places.table, alias: 'k', where: equalKeys(key, 's', 'k') }] : []),
    {
      table: target,
      alias: 't',
      where:
        field === undefined
          ? equalKeys(key, 's', 't')
          : `${equalKeys(key, 'k', 't')} and t.${field} = k.${field}`,
    },
  ];
  return lookups
    .map(({ table, alias, where }) =>
      lookup === 'probe'
        ? `left join lateral (
  select *, ctid as ${TID} from ${relationSql(table)} as ${alias} where ${where} offset 0
) as ${alias} on true`
        : `left join ${relationSql(table)} as ${alias} on ${where}`,
    )
    .join('\n');
};

/**
 * A row of the target, and what the delta has of it. Nobody else takes its place in between: the delta was made under the same
 * snapshot (repeatable read), in which a row that somebody else changed fails the statement. The key says in which partition
 * that place is; where there are none it would only have the planner look the row up by its index, which takes longer.
 */
const isSameRow = ({ key, partitionField, places }: DeltaInput): string => {
  const isThere = `t.ctid = d.${TID}`;
  if (partitionField === undefined) return isThere;
  const isPlaced = places === undefined ? '' : ` and t.${quoteIdentifier(places.field)} = d.${PLACE}`;
  return `${isThere} and ${equalKeys(key, 't', 'd')}${isPlaced}`;
};

/** The row that stands as yet, as columns of the delta. */
const oldRow = (columns: readonly string[]): string =>
  columns.map((c, n) => `t.${quoteIdentifier(c)} as ${old(n)}`).join(', ');

/**
 * `_strata_delta`: what is to be done, in `_op`, and the row that stands as yet; with a load order it has each staged
 * row. In the order of the keys, where it is looked up by them: neighbours in an index are found, and written, together.
 */
export const compareStaged = (input: DeltaInput): string[] => {
  const { target, columns, key, scope, places, lookup } = input;
  const isProbed = lookup === 'probe';
  const place = places === undefined ? '' : `, k.${quoteIdentifier(places.field)} as ${PLACE}`;
  const statements = [
    `create temporary table _strata_delta on commit drop as
select ${list(columns, 's')}, ${operation(input)} as _op${place}, t.${isProbed ? TID : `ctid as ${TID}`}, ${oldRow(columns)}
from ${STAGED} as s
${joinTarget(input)}${isOfInterest(input)}${isProbed ? `\norder by ${list(key, 's')}` : ''}`,
  ];
  if (scope !== undefined)
    statements.push(`insert into ${DELTA} (${list(columns)}, _op, ${TID}, ${columns.map((_, n) => old(n)).join(', ')})
select ${list(columns, 't')}, 'd', t.ctid, ${list(columns, 't')}
from ${relationSql(target)} as t
where ${scope} and not exists (select from ${STAGED} as s where ${equalKeys(key, 's', 't')})`);
  // Rows that are found by the index anyway need no statistics.
  return isProbed ? statements : [...statements, `analyze ${DELTA}`];
};

/**
 * How often each operation is in `_strata_delta`: one row, a column each; `moved` are rows that change their
 * place; new ones are `unplaced`, or `astray` if their key has a place all the same, since somebody took its row away.
 */
export const countDelta = ({ places }: DeltaInput): string => `select
  count(*) filter (where _op = 'i') as inserted, count(*) filter (where _op = 'u') as updated,
  count(*) filter (where _op = 'd') as deleted, count(*) filter (where _op = 'r') as remembered,
  count(*) filter (where _op = 's') as same, count(*) filter (where _op = 'o') as older,
  count(*) filter (where _op = 'n') as excluded,
  ${places === undefined ? '0' : `count(*) filter (where _op in ('u', 'r') and ${PLACE} <> ${quoteIdentifier(places.field)})`} as moved,
  ${places === undefined ? '0' : `count(*) filter (where _op = 'i' and ${PLACE} is null)`} as unplaced,
  ${places === undefined ? '0' : `count(*) filter (where _op = 'i' and ${PLACE} is not null)`} as astray
from ${DELTA}`;

/** Appends the old images (weight -1) and the new ones (+1) to the feed. */
export const feedDelta = ({ target, columns }: DeltaInput, version: bigint): string =>
  `insert into ${relationSql(feedRelation(target))} (${list(columns)}, _weight, _version)
select ${columns.map((_, n) => old(n)).join(', ')}, -1, ${version}
from ${DELTA}
where _op in ('u', 'd')
union all
select ${list(columns)}, 1, ${version}
from ${DELTA}
where _op in ('i', 'u')`;

/** Who reads the feed next plans with how much of it is new; only that column is looked at. */
export const analyzeFeed = (target: RelationName): string =>
  `analyze ${relationSql(feedRelation(target))} (_version)`;

export interface Application {
  readonly sql: string;
  /** The operations of the delta that it carries out, each on one row. */
  readonly operations: readonly (
    'inserted' | 'updated' | 'deleted' | 'remembered' | 'moved' | 'unplaced' | 'astray'
  )[];
}

/** Deletes, then updates, then inserts: in this order a history of versions never overlaps in between. */
export const applyDelta = (input: DeltaInput): Application[] => {
  const { target, columns, key, isUniqueOtherwise = false } = input;
  const others = columns.filter((c) => !key.includes(c));
  const set = others.map((c) => `${quoteIdentifier(c)} = d.${quoteIdentifier(c)}`).join(', ');
  const table = relationSql(target);
  const changed = ['updated', 'remembered'] as const;
  const also = isUniqueOtherwise ? changed : [];
  const which = (op: string): string => (isUniqueOtherwise ? `in ('${op}', 'u', 'r')` : `= '${op}'`);
  const remove: Application = {
    sql: `delete from ${table} as t using ${DELTA} as d where d._op ${which('d')} and ${isSameRow(input)}`,
    operations: ['deleted', ...also],
  };
  const update: Application = {
    sql: `update ${table} as t set ${set} from ${DELTA} as d where d._op in ('u', 'r') and ${isSameRow(input)}`,
    operations: changed,
  };
  const insert: Application = {
    sql: `insert into ${table} (${list(columns)}) select ${list(columns)} from ${DELTA} where _op ${which('i')}`,
    operations: ['inserted', ...also],
  };
  return isUniqueOtherwise || others.length === 0 ? [remove, insert] : [remove, update, insert];
};

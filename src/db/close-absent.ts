import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { Dataset } from '../domain/dataset';
import type { CheckedDeletes } from '../domain/dataset-deletes';
import { closingReason } from '../domain/rejection';
import { sql } from './sql';

export interface CompleteLoad {
  /** A load whose rows are all in bronze, and not yet published. */
  readonly loadId: string;
  readonly dataset: Pick<Dataset, 'name' | 'columns'> & { readonly deletes: CheckedDeletes };
  /** The time at which the file holds every entity that exists, as PostgreSQL reads it, with an offset. */
  readonly asOf: string;
  /** Share of the living that may be closed; default: the dataset's. */
  readonly maxShare?: number | undefined;
}

/** How many rows were written, or why none was. */
export type ClosedAbsent =
  | { readonly kind: 'written'; readonly closed: number; readonly reopened: number }
  | { readonly kind: 'refused'; readonly reason: string };

type Fragment = ReturnType<typeof sql.fragment>;

/** What all statements about one complete load are made of. */
interface Parts {
  readonly loadId: Fragment;
  readonly heap: Fragment;
  readonly at: Fragment;
  readonly isGone: Fragment;
  /** The declared time in the type of the effective time; of a date the day of UTC that it lies in. */
  readonly asOf: Fragment;
}

const partsOf = ({ loadId, dataset, asOf }: CompleteLoad): Parts => {
  const { effectiveAt, tombstone } = dataset.deletes;
  const isDate = dataset.columns.some(({ name, type }) => name === effectiveAt && type === 'date');
  return {
    loadId: sql.fragment`${loadId}::bigint`,
    heap: sql.fragment`${sql.identifier(['strata_bronze', dataset.name])}`,
    at: sql.fragment`b.${sql.identifier([effectiveAt])}`,
    isGone: sql.fragment`coalesce(b.${sql.identifier([tombstone])}, false)`,
    asOf: isDate
      ? sql.fragment`(${asOf}::timestamptz at time zone 'UTC')::date`
      : sql.fragment`${asOf}::timestamptz`,
  };
};

const comma = sql.fragment`, `;
const identifiers = (columns: readonly string[]): Fragment =>
  sql.fragment`${sql.join(
    columns.map((column) => sql.identifier([column])),
    comma,
  )}`;

/** The entity's columns as the temporary table names them: a contract may have any names. */
const numbered = (entity: readonly string[]): string[] => entity.map((_, index) => `entity_${index + 1}`);

const micros = (time: Fragment): Fragment => sql.fragment`(extract(epoch from ${time}) * 1000000)::bigint`;

/**
 * `_strata_entity`: each entity with where it stands at the declared time. A place in history is an array of time, load
 * order and whether it is a tombstone: arrays compare like rows, and unlike them they have a `max`, so that one pass
 * without sorting is enough. A place at the declared time itself may be of a batch that was accepted later: what this
 * load would say then is old news.
 */
const placeEntities = async (db: CommonQueryMethods, load: CompleteLoad, parts: Parts): Promise<void> => {
  const { heap, at, isGone, asOf, loadId } = parts;
  const { entity } = load.dataset.deletes;
  const names = numbered(entity);
  const entities = entity.map(
    (column, i) => sql.fragment`b.${sql.identifier([column])} as ${sql.identifier([names[i] as string])}`,
  );
  await db.query(sql.typeAlias('void')`
    create temporary table _strata_entity as
    with places as (
      select
        ${sql.join(entities, comma)},
        b._load_id = ${loadId} as is_own,
        case
          when ${at} <= ${asOf} then array[${micros(at)}, b._batch_id, b._row_number, ${isGone}::int]
        end as place
      from ${heap} as b
      inner join ops.load as l on l.load_id = b._load_id
      where
        l.dataset = ${load.dataset.name}
        and (l.load_id = ${loadId} or (l.position is not null and ${at} <= ${asOf}))
    ),
    states as (
      select
        ${identifiers(names)}, bool_or(is_own) as in_file,
        max(place) filter (where not is_own) as before, max(place) as after
      from places
      group by ${identifiers(names)}
    )
    select
      ${identifiers(names)},
      before is not null and before[4] = 0 as is_alive,
      not in_file and before[4] = 0 and before < own.place as is_absent,
      in_file and after is not null and after[4] = 1 and after < own.place as is_gone
    from states
    cross join (
      select array[${micros(asOf)}, batch_id] as place from ops.load where load_id = ${loadId}
    ) as own
  `);
  await db.query(sql.typeAlias('void')`analyze _strata_entity`);
};

const Counts = z.object({ alive: z.coerce.number(), absent: z.coerce.number() });

const countEntities = (db: CommonQueryMethods): Promise<z.infer<typeof Counts>> =>
  db.one(sql.type(Counts)`
    select count(*) filter (where is_alive) as alive, count(*) filter (where is_absent) as absent
    from _strata_entity
  `);

const LoadEnd = z.object({ batch_id: z.string(), last_row: z.string() });
type LoadEnd = z.infer<typeof LoadEnd>;

/** Where `_row_number`s go on: after the file's last record, and after what has been written already. */
const endOfLoad = (db: CommonQueryMethods, { heap, loadId }: Parts): Promise<LoadEnd> =>
  db.one(sql.type(LoadEnd)`
    select
      l.batch_id,
      greatest(b.rows_read, (select max(_row_number) from ${heap} where _load_id = ${loadId}), 0) as last_row
    from ops.load as l
    inner join ops.batch as b on b.batch_id = l.batch_id
    where l.load_id = ${loadId}
  `);

const writeTombstones = async (
  db: CommonQueryMethods,
  { dataset: { deletes } }: CompleteLoad,
  parts: Parts,
): Promise<number> => {
  const end = await endOfLoad(db, parts);
  const { entity, effectiveAt, tombstone } = deletes;
  const names = identifiers(numbered(entity));
  const { rowCount } = await db.query(sql.typeAlias('void')`
    insert into ${parts.heap} (
      ${identifiers([...entity, effectiveAt, tombstone])}, _load_id, _batch_id, _row_number
    )
    select
      ${names}, ${parts.asOf}, true, ${parts.loadId}, ${end.batch_id}::bigint,
      ${end.last_row}::bigint + row_number() over (order by ${names})
    from _strata_entity
    where is_absent
  `);
  return rowCount;
};

/**
 * Copies, for entities that are gone by what is known and in the file as living ones, the file's last row as of the
 * declared time, or its last one where all are effective later. What the file itself says is gone stays gone.
 */
const writeReturned = async (
  db: CommonQueryMethods,
  { dataset: { columns, deletes } }: CompleteLoad,
  parts: Parts,
): Promise<number> => {
  const { entity, effectiveAt, tombstone } = deletes;
  const { heap, at, asOf, isGone } = parts;
  const end = await endOfLoad(db, parts);
  const names = columns.map(({ name }) => name);
  const isEntity = entity.map(
    (column, i) => sql.fragment`e.${sql.identifier([`entity_${i + 1}`])} = b.${sql.identifier([column])}`,
  );
  const values = names.map((name) => {
    if (name === effectiveAt) return asOf;
    return name === tombstone ? sql.fragment`false` : sql.fragment`b.${sql.identifier([name])}`;
  });
  const { rowCount } = await db.query(sql.typeAlias('void')`
    insert into ${heap} (${identifiers(names)}, _extra, _load_id, _batch_id, _row_number)
    select
      ${sql.join(values, comma)}, b._extra, ${parts.loadId}, ${end.batch_id}::bigint,
      ${end.last_row}::bigint + row_number() over (order by b._row_number)
    from (
      select distinct on (${sql.join(
        entity.map((c) => sql.fragment`b.${sql.identifier([c])}`),
        comma,
      )}) b.*
      from ${heap} as b
      inner join _strata_entity as e on ${sql.join(isEntity, sql.fragment` and `)}
      where b._load_id = ${parts.loadId} and e.is_gone
      order by
        ${sql.join(
          entity.map((c) => sql.fragment`b.${sql.identifier([c])}`),
          comma,
        )},
        ${at} <= ${asOf} desc, ${at} desc, b._row_number desc
    ) as b
    where not ${isGone}
  `);
  return rowCount;
};

/**
 * Makes a load say what it doesn't have: for each entity that is alive at the declared time, by the last row of the
 * published loads, and of which the load has no row, a tombstone; for each that is gone then and that the load has, a
 * copy of its row. These rows are the load's own: they are seen, and swept, with it, and a refresh repeats them. More
 * than the share allowed: nothing is written. The caller holds the dataset's publication lock, and publishes the load
 * in the same transaction. Twice is once.
 */
export const closeAbsent = async (db: CommonQueryMethods, load: CompleteLoad): Promise<ClosedAbsent> => {
  const parts = partsOf(load);
  await placeEntities(db, load, parts);
  const reason = closingReason(await countEntities(db), load.maxShare ?? load.dataset.deletes.maxShare);
  const closed = reason === undefined ? await writeTombstones(db, load, parts) : 0;
  const reopened = reason === undefined ? await writeReturned(db, load, parts) : 0;
  await db.query(sql.typeAlias('void')`drop table _strata_entity`);
  if (reason !== undefined) return { kind: 'refused', reason };
  await db.query(sql.typeAlias('void')`
    update ops.load set row_count = row_count + ${closed + reopened}::bigint where load_id = ${parts.loadId}
  `);
  return { kind: 'written', closed, reopened };
};

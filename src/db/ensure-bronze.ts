import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { ManifestDataset } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { asLoginRole } from './acting-role';

const ColumnRow = z.object({
  dataset: z.string(),
  part: z.enum(['strata_bronze', 'bronze']),
  name: z.string(),
  type: z.string(),
  is_foreign: z.boolean(),
});
type Columns = ReadonlyMap<string, string>;

/** What rows have besides the contract's columns. */
const OWN_COLUMNS = ['_load_id', '_batch_id', '_row_number', '_extra'];
/** The view's own columns in the order in which it was first made. */
const VIEW_OWN_COLUMNS = ['_loaded_at', '_batch_id', '_row_number', '_extra', '_load_id'];

/** PostgreSQL's own spelling of the types that contracts name. */
const SPELLING: Record<string, string> = {
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
};

const spelled = (type: string): string => SPELLING[type] ?? type;

interface Existing {
  readonly heap: Columns;
  readonly view: Columns;
  /** Whether a role that acts finds one of them in the hands of none of the roles. */
  readonly isForeign: boolean;
}

/** What there is of each of these datasets, in their order. */
const existing = async (
  db: DatabaseTransactionConnection | DatabasePool,
  datasets: readonly ManifestDataset[],
): Promise<Existing[]> => {
  const names = datasets.map(({ name }) => name);
  const rows = await db.any(sql.type(ColumnRow)`
    select c.relname as dataset, n.nspname as part, a.attname::text as name,
      pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
      current_user <> session_user and not pg_has_role(c.relowner, 'usage')
        and pg_get_userbyid(c.relowner) not in (select role_name from ops.access_role) as is_foreign
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('strata_bronze', 'bronze') and c.relname = any(${sql.array(names, 'text')}::name[])
      and a.attnum > 0 and not a.attisdropped
    order by a.attnum
  `);
  const columnsOf = (part: string, name: string): Columns =>
    new Map(
      rows.filter((row) => row.part === part && row.dataset === name).map((row) => [row.name, row.type]),
    );
  return names.map((name) => ({
    heap: columnsOf('strata_bronze', name),
    view: columnsOf('bronze', name),
    isForeign: rows.some((row) => row.dataset === name && row.is_foreign),
  }));
};

const lookAt = async (db: DatabaseTransactionConnection, dataset: ManifestDataset): Promise<Existing> =>
  (await existing(db, [dataset]))[0] as Existing;

/** Takes over what a worker without roles, or of older code, has made as the login role. */
const takeOver = async (db: DatabaseTransactionConnection, dataset: ManifestDataset): Promise<void> => {
  const acting = await db.oneFirst(
    sql.type(z.object({ acting: z.string() }))`select current_user::text as acting`,
  );
  await asLoginRole(db, async () => {
    for (const schema of ['strata_bronze', 'bronze'])
      await db.query(
        sql.typeAlias(
          'void',
        )`alter table if exists ${sql.identifier([schema, dataset.name])} owner to ${sql.identifier([acting])}`,
      );
  });
};

/** Type names come from the contract's columns, a closed set of words, digits and parentheses. */
const typeFragment = (type: string): ReturnType<typeof sql.fragment> => {
  if (!/^[a-z][a-z ]*(\(\d+(,\s*\d+)?\))?$/.test(type))
    throw new StrataError('DATASET_INVALID', `"${type}" is not the name of a PostgreSQL type`);
  return { ...sql.fragment``, sql: type };
};

const createHeap = async (db: DatabaseTransactionConnection, dataset: ManifestDataset): Promise<void> => {
  const heap = sql.identifier(['strata_bronze', dataset.name]);
  const columns = dataset.columns.map(
    ({ name, type }) => sql.fragment`${sql.identifier([name])} ${typeFragment(type)}`,
  );
  await db.query(sql.typeAlias('void')`
    create table ${heap} (
      ${sql.join(columns, sql.fragment`, `)},
      _load_id bigint not null,
      _batch_id bigint not null,
      _row_number bigint not null,
      _extra jsonb
    )
  `);
  await db.query(
    sql.typeAlias('void')`create index on ${heap} using brin (_load_id) with (autosummarize = on)`,
  );
};

const addColumns = async (
  db: DatabaseTransactionConnection,
  dataset: ManifestDataset,
  existing: Columns,
): Promise<void> => {
  const heap = sql.identifier(['strata_bronze', dataset.name]);
  for (const { name, type } of dataset.columns) {
    const has = existing.get(name);
    if (has === undefined)
      await db.query(
        sql.typeAlias('void')`alter table ${heap} add column ${sql.identifier([name])} ${typeFragment(type)}`,
      );
    else if (has !== spelled(type))
      throw new StrataError(
        'DATASET_INCOMPATIBLE',
        `Column "${name}" of dataset "${dataset.name}" is ${type} in the contract but ${has} in the database`,
      );
  }
};

/** Keeps the order that the view has, since models may depend on it; what is new goes to the end. */
const replaceView = async (db: DatabaseTransactionConnection, dataset: ManifestDataset): Promise<void> => {
  const { heap: heapColumns, view: has } = await lookAt(db, dataset);
  const contract = [...heapColumns.keys()].filter((name) => !OWN_COLUMNS.includes(name));
  const wanted = [...contract, ...VIEW_OWN_COLUMNS];
  const ordered = [...has.keys(), ...wanted.filter((name) => !has.has(name))];
  const selected = ordered.map((name) =>
    name === '_loaded_at'
      ? sql.fragment`l.loaded_at as _loaded_at`
      : sql.fragment`b.${sql.identifier([name])}`,
  );
  await db.query(sql.typeAlias('void')`
    create or replace view ${sql.identifier(['bronze', dataset.name])} as
    select ${sql.join(selected, sql.fragment`, `)}
    from ${sql.identifier(['strata_bronze', dataset.name])} as b
    inner join ops.load as l on l.load_id = b._load_id
    where l.position is not null
  `);
};

const isUpToDate = (dataset: ManifestDataset, { heap, view, isForeign }: Existing): boolean =>
  !isForeign &&
  heap.size > 0 &&
  dataset.columns.every(({ name, type }) => heap.get(name) === spelled(type) && view.has(name)) &&
  VIEW_OWN_COLUMNS.every((name) => view.has(name));

const bringUpToDate = async (pool: DatabasePool, dataset: ManifestDataset): Promise<void> =>
  pool.transaction(async (transaction) => {
    await transaction.query(
      sql.typeAlias(
        'void',
      )`select pg_advisory_xact_lock(hashtextextended(${`strata bronze ${dataset.name}`}, 0))`,
    );
    const { heap, isForeign } = await lookAt(transaction, dataset);
    if (isForeign) await takeOver(transaction, dataset);
    if (heap.size === 0) await createHeap(transaction, dataset);
    else await addColumns(transaction, dataset, heap);
    await replaceView(transaction, dataset);
  });

/**
 * Makes the bronze relations of these datasets, or brings them up to their contracts: `strata_bronze.NAME` holds the
 * rows of all loads, the view `bronze.NAME` shows those of published ones. New columns are added; a column that the
 * contract no longer has stays, and is NULL in new rows. One query, and nothing more where all is there. Idempotent;
 * safe to call from many processes at once.
 * @throws DATASET_INCOMPATIBLE when a column's type has changed
 */
export const ensureBronze = async (
  pool: DatabasePool,
  datasets: readonly ManifestDataset[],
): Promise<void> => {
  const found = await existing(pool, datasets);
  const behind = datasets.filter((dataset, i) => !isUpToDate(dataset, found[i] as Existing));
  for (const dataset of behind) await bringUpToDate(pool, dataset);
};

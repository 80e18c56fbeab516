import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { inMonths, rowsWhere } from '../compiler/materializations/archive-sql';
import type { RelationName } from '../compiler/manifest';
import { ArchiveManifest } from '../domain/archive-manifest';
import { rawSql } from './raw-sql';
import { relationKey } from './relations';
import { sql } from './sql';

export const ARCHIVE_STATES = [
  'detaching',
  'detached',
  'written',
  'verified',
  'archived',
  'restored',
] as const;
export type ArchiveState = (typeof ARCHIVE_STATES)[number];

const Row = z.object({
  archiveId: z.string(),
  relation: z.string(),
  partition: z.string(),
  from: z.string(),
  to: z.string(),
  state: z.enum(ARCHIVE_STATES),
  location: z.string().nullable(),
  manifest: z.any(),
  bytes: z.coerce.number().nullable(),
  changedAt: z.string(),
});

export interface PartitionArchive extends Omit<z.infer<typeof Row>, 'manifest'> {
  readonly manifest: ArchiveManifest | undefined;
}

const columns = sql.fragment`
  archive_id::text as "archiveId", relation, partition, month_from::text as "from", month_to::text as "to", state,
  location, manifest, bytes, to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "changedAt"
`;

const parse = ({ manifest, ...row }: z.infer<typeof Row>): PartitionArchive => ({
  ...row,
  manifest: manifest === null ? undefined : ArchiveManifest.parse(manifest),
});

/** The partitions of a relation that are archived, or on their way: no row of theirs is to be found in it. */
export const archivesOf = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<PartitionArchive[]> =>
  (
    await connection.any(sql.type(Row)`
      select ${columns} from ops.partition_archive
      where relation = ${relationKey(relation)} and state <> 'restored' order by month_from
    `)
  ).map(parse);

/** Those that came back, and whose month is attached, or archived anew: their files count no more. */
export const supersededArchives = async (
  connection: CommonQueryMethods,
  relation: RelationName,
): Promise<PartitionArchive[]> =>
  (
    await connection.any(sql.type(Row)`
      select ${columns} from ops.partition_archive as a
      where relation = ${relationKey(relation)} and state = 'restored' and location is not null
        and not exists (
          select from ops.partition_archive as b where b.location = a.location and b.state <> 'restored'
        )
        and (
          exists (
            select from ops.partition_archive as b
            where b.relation = a.relation and b.partition = a.partition and b.state = 'archived'
          )
          or exists (
            select from pg_inherits as i
            inner join pg_class as p on p.oid = i.inhparent
            inner join pg_namespace as n on n.oid = p.relnamespace
            inner join pg_class as c on c.oid = i.inhrelid
            where n.nspname = ${relation.schema} and p.relname = ${relation.name} and c.relname = a.partition
              and not i.inhdetachpending
          )
        )
      order by archive_id
    `)
  ).map(parse);

/** Notes that a superseded archive's file is gone. */
export const forgetFile = async (connection: CommonQueryMethods, archiveId: string): Promise<void> => {
  await connection.query(sql.typeAlias('void')`
    update ops.partition_archive set location = null
    where archive_id = ${archiveId}::bigint and state = 'restored'
  `);
};

/** One of them, held to the end of the transaction if there is one. */
export const findArchive = async (
  connection: CommonQueryMethods,
  relation: string,
  partition: string,
): Promise<PartitionArchive | undefined> => {
  const row = await connection.maybeOne(sql.type(Row)`
    select ${columns} from ops.partition_archive
    where relation = ${relation} and partition = ${partition} and state <> 'restored'
    for update
  `);
  return row ? parse(row) : undefined;
};

/** Goes on from one state to the next; says whether it was in it still. */
export const advance = async (
  connection: CommonQueryMethods,
  { archiveId, state }: Pick<PartitionArchive, 'archiveId' | 'state'>,
  to: ArchiveState,
  found: { readonly location?: string; readonly manifest?: ArchiveManifest; readonly bytes?: number } = {},
): Promise<boolean> => {
  const { rowCount } = await connection.query(sql.typeAlias('void')`
    update ops.partition_archive
    set state = ${to}, location = coalesce(${found.location ?? null}, location),
      manifest = coalesce(${found.manifest ? JSON.stringify(found.manifest) : null}::jsonb, manifest),
      bytes = coalesce(${found.bytes ?? null}::bigint, bytes), changed_at = clock_timestamp()
    where archive_id = ${archiveId}::bigint and state = ${state}
  `);
  return rowCount === 1;
};

/** Enters a partition that is to be archived; finds the one that is entered already. */
export const enterArchive = async (
  connection: CommonQueryMethods,
  { relation, partition, from, to }: Pick<PartitionArchive, 'relation' | 'partition' | 'from' | 'to'>,
): Promise<PartitionArchive> => {
  await connection.query(sql.typeAlias('void')`
    insert into ops.partition_archive (relation, partition, month_from, month_to, state)
    values (${relation}, ${partition}, ${from}::date, ${to}::date, 'detaching')
    on conflict (relation, partition) where state <> 'restored' do nothing
  `);
  return (await findArchive(connection, relation, partition)) as PartitionArchive;
};

/** Thrown inside: what is to be done needs these partitions back; whoever can, restores them and tries again. */
export class ArchivedMonthsNeeded extends Error {
  constructor(
    readonly relation: RelationName,
    readonly partitions: readonly string[],
  ) {
    super(`${relationKey(relation)}: ${partitions.join(', ')} are archived, and needed`);
  }
}

/** Which archives have rows of `from` by any of its columns. */
export const archivesTouched = async (
  connection: CommonQueryMethods,
  archives: readonly PartitionArchive[],
  rows: { readonly from: string; readonly columns: readonly string[] },
): Promise<string[]> => {
  const touched: string[] = [];
  for (const archive of archives) {
    const condition = rows.columns.map((column) => inMonths(column, archive)).join(' or ');
    if (await connection.exists(rawSql(rowsWhere(rows.from, condition)))) touched.push(archive.partition);
  }
  return touched;
};

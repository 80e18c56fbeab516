import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import {
  ARCHIVE_SETTINGS,
  exportRows,
  fetchRows,
  importRows,
  inMonths,
  sumRows,
  unfitRows,
} from '../compiler/materializations/archive-sql';
import { PROVENANCE } from '../compiler/materializations/delta';
import {
  archiveColumn,
  type ArchiveColumn,
  type ArchiveManifest,
  type ColumnSum,
  manifestProblem,
} from '../domain/archive-manifest';
import { describeRelation } from './facts';
import type { PartitionArchive } from './partition-archives';
import { rawSql } from './raw-sql';
import { sql } from './sql';
import { execute } from './stage-model';

export interface Sums {
  readonly rows: number;
  readonly sums: Readonly<Record<string, ColumnSum>>;
}

const Texts = z.record(z.string().nullable());
const Flags = z.record(z.boolean());

export const columnsOf = async (
  connection: CommonQueryMethods,
  table: RelationName,
): Promise<ArchiveColumn[]> =>
  (await describeRelation(connection, table)).columns.map(({ name, type }) => archiveColumn(name, type));

/** The columns of a table with a value that an archive's file can't hold: an infinite time, or NaN in a decimal. */
export const unfitColumns = async (
  connection: CommonQueryMethods,
  table: RelationName,
): Promise<string[]> => {
  const query = unfitRows(table, await columnsOf(connection, table));
  if (query === undefined) return [];
  const found = Flags.parse((await connection.query(rawSql(query))).rows[0] ?? {});
  return Object.keys(found).filter((name) => found[name]);
};

/** What a table's rows, or those of a condition, sum up to. Within a transaction, whose settings it changes. */
export const sumsOf = async (
  connection: CommonQueryMethods,
  from: string,
  columns: readonly ArchiveColumn[],
  where?: string,
): Promise<Sums> => {
  await execute(connection, ARCHIVE_SETTINGS);
  const row = Object.fromEntries(
    Object.entries((await connection.query(rawSql(sumRows(from, columns, where)))).rows[0] ?? {}).map(
      ([name, value]) => [name, String(value)],
    ),
  );
  return {
    rows: Number(row['rows']),
    sums: Object.fromEntries(
      columns.map((c, i) => [c.name, { nulls: Number(row[`n${i}`]), checksum: row[`s${i}`] ?? '0' }]),
    ),
  };
};

/** Gives the rows of a table as texts, some thousand at a time, and then their sums: all of one snapshot. */
export const exportTable = <T>(
  pool: DatabasePool,
  table: RelationName,
  options: { readonly rowsAtOnce: number; readonly signal: AbortSignal },
  work: (
    columns: readonly ArchiveColumn[],
    groups: AsyncIterable<(string | null)[][]>,
    sums: Sums,
  ) => Promise<T>,
): Promise<T> =>
  pool.transaction(async (transaction) => {
    await execute(transaction, ['set transaction isolation level repeatable read', ...ARCHIVE_SETTINGS]);
    const columns = await columnsOf(transaction, table);
    const sums = await sumsOf(transaction, relationSql(table), columns);
    await execute(transaction, [`declare _strata_rows no scroll cursor for ${exportRows(table, columns)}`]);
    async function* groups(): AsyncGenerator<(string | null)[][]> {
      for (;;) {
        options.signal.throwIfAborted();
        const { rows } = await transaction.query(rawSql(fetchRows(options.rowsAtOnce)));
        if (rows.length === 0) return;
        yield z
          .array(Texts)
          .parse(rows)
          .map((row) => columns.map((_, i) => row[`c${i}`] ?? null));
      }
    }
    return work(columns, groups(), sums);
  });

/** Inserts rows of texts into a table. */
export const importGroup = async (
  connection: CommonQueryMethods,
  table: RelationName,
  columns: readonly ArchiveColumn[],
  rows: readonly (readonly (string | null)[])[],
): Promise<void> => {
  const values = columns.map((_, i) =>
    sql.array(
      rows.map((row) => row[i] ?? null),
      'text',
    ),
  );
  await connection.query({
    ...rawSql(importRows(table, columns)),
    values: values.map((v) => v.values as readonly (string | null)[]),
  });
};

/** Columns that mean what they did when the file was written. */
const comparable = (manifest: ArchiveManifest, columns: readonly ArchiveColumn[]): ArchiveColumn[] =>
  columns.filter((c) => manifest.columns.some((m) => m.name === c.name && m.type === c.type));

/** Where a table that was made of an archive is otherwise than its manifest says. */
export const restoredProblem = async (
  connection: CommonQueryMethods,
  table: RelationName,
  manifest: ArchiveManifest,
): Promise<string | undefined> => {
  const columns = comparable(manifest, await columnsOf(connection, table));
  return manifestProblem(manifest, await sumsOf(connection, relationSql(table), columns));
};

/**
 * Whether rows of `from` say of an archive's months what the archive does; provenance aside, which decides nothing.
 * Those of another shape never do.
 */
export const equalsArchive = async (
  connection: CommonQueryMethods,
  { manifest, ...months }: PartitionArchive,
  rows: { readonly from: string; readonly field: string; readonly columns: readonly ArchiveColumn[] },
): Promise<boolean> => {
  if (manifest === undefined) return false;
  if (comparable(manifest, rows.columns).length !== Math.max(rows.columns.length, manifest.columns.length))
    return false;
  const compared = rows.columns.filter((c) => !PROVENANCE.has(c.name));
  const sums = await sumsOf(connection, rows.from, compared, inMonths(`t.${rows.field}`, months));
  return manifestProblem(manifest, sums) === undefined;
};

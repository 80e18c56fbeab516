import type { SchemaElement } from 'hyparquet' with { 'resolution-mode': 'import' };
import type { ArchiveColumn } from '../domain/archive-manifest';
import { assertNever } from '../domain/assert-never';
import { type ArchiveRow, fromParquet, toParquet } from './parquet-values';

/** So many rows are in memory at once, when written and when read. */
export const ROWS_A_GROUP = 20_000;

/** The bytes of a file, wherever it lies. */
export interface ArchiveBytes {
  readonly byteLength: number;
  readonly slice: (start: number, end?: number) => Promise<ArrayBuffer>;
}

const element = ({ name, kind, precision, scale }: ArchiveColumn): SchemaElement => {
  const common = { name, repetition_type: 'OPTIONAL' } as const;
  const time = (isAdjustedToUTC: boolean): SchemaElement => ({
    ...common,
    type: 'INT64',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' },
  });
  switch (kind) {
    case 'boolean':
      return { ...common, type: 'BOOLEAN' };
    case 'int32':
      return { ...common, type: 'INT32' };
    case 'int64':
      return { ...common, type: 'INT64' };
    case 'decimal':
      return {
        ...common,
        type: 'INT64',
        converted_type: 'DECIMAL',
        precision: precision ?? 18,
        scale: scale ?? 0,
      };
    case 'timestamptz':
      return { ...time(true), converted_type: 'TIMESTAMP_MICROS' };
    case 'timestamp':
      return time(false);
    case 'date':
      return { ...common, type: 'INT32', converted_type: 'DATE' };
    case 'double':
      return { ...common, type: 'DOUBLE' };
    case 'text':
      return { ...common, type: 'BYTE_ARRAY', converted_type: 'UTF8' };
    default:
      return assertNever(kind);
  }
};

/** Writes rows, a group at a time, into a file of this host. */
export const writeParquet = async (
  file: string,
  columns: readonly ArchiveColumn[],
  groups: AsyncIterable<readonly ArchiveRow[]>,
): Promise<void> => {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer');
  const root: SchemaElement = { name: 'root', num_children: columns.length };
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: [root, ...columns.map(element)],
    createdBy: 'strata',
  });
  for await (const rows of groups) {
    const columnData = columns.map(({ name, kind }, i) => ({
      name,
      data: rows.map((row) => toParquet(kind, row[i] ?? null)),
    }));
    await writer.write({ columnData, rowGroupSize: Math.max(rows.length, 1) });
  }
  await writer.finish();
};

/** Reads the rows of a file that {@link writeParquet} wrote, a group at a time. */
export async function* readParquet(
  file: ArchiveBytes,
  columns: readonly ArchiveColumn[],
): AsyncGenerator<ArchiveRow[]> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(file);
  // The numbers themselves, and not what the library makes of them: a Date has no microseconds, a number no 18 digits.
  for (const column of metadata.schema)
    if (column.type !== undefined && column.type !== 'BYTE_ARRAY') {
      delete column.converted_type;
      delete column.logical_type;
    }
  const names = columns.map((c) => c.name);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, columns: names, rowStart, rowEnd });
    yield rows.map((row) => columns.map(({ name, kind }) => fromParquet(kind, row[name])));
    rowStart = rowEnd;
  }
}

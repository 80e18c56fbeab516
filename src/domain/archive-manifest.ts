import { z } from 'zod/v4';

/** How a column lies in a Parquet file, exactly. What Parquet has no type for lies there as PostgreSQL's own text. */
export const ARCHIVE_KINDS = [
  'boolean',
  'int32',
  'int64',
  'decimal',
  'timestamptz',
  'timestamp',
  'date',
  'double',
  'text',
] as const;
export type ArchiveKind = (typeof ARCHIVE_KINDS)[number];

const Column = z.object({
  name: z.string(),
  /** PostgreSQL's. */
  type: z.string(),
  kind: z.enum(ARCHIVE_KINDS),
  precision: z.number().optional(),
  scale: z.number().optional(),
});
export type ArchiveColumn = z.infer<typeof Column>;

const ColumnSum = z.object({ nulls: z.number(), checksum: z.string() });
export type ColumnSum = z.infer<typeof ColumnSum>;

/** What a file of the archive holds; equal sums mean equal rows, in whatever order. */
export const ArchiveManifest = z.object({
  version: z.literal(1),
  relation: z.string(),
  partition: z.string(),
  from: z.string(),
  to: z.string(),
  rows: z.number(),
  columns: z.array(Column.extend(ColumnSum.shape)),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;

const PLAIN_KINDS: Readonly<Record<string, ArchiveKind>> = {
  boolean: 'boolean',
  smallint: 'int32',
  integer: 'int32',
  bigint: 'int64',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  date: 'date',
  real: 'double',
  'double precision': 'double',
};
/** What fits a whole number of 64 bits. */
const MAX_DECIMAL_DIGITS = 18;

/** How a column of PostgreSQL's type is archived. */
export const archiveColumn = (name: string, type: string): ArchiveColumn => {
  const kind = PLAIN_KINDS[type];
  if (kind !== undefined) return { name, type, kind };
  const [, digits, decimals = '0'] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  if (digits === undefined || Number(digits) > MAX_DECIMAL_DIGITS || Number(decimals) > Number(digits))
    return { name, type, kind: 'text' };
  return { name, type, kind: 'decimal', precision: Number(digits), scale: Number(decimals) };
};

/** Where what was read, or counted, is otherwise than the manifest says; undefined: nowhere. */
export const manifestProblem = (
  manifest: Pick<ArchiveManifest, 'rows' | 'columns'>,
  found: { readonly rows: number; readonly sums: Readonly<Record<string, ColumnSum>> },
): string | undefined => {
  if (found.rows !== manifest.rows) return `${found.rows} rows, not ${manifest.rows}`;
  const differs = Object.entries(found.sums).filter(([name, sum]) => {
    const column = manifest.columns.find((c) => c.name === name);
    return column?.nulls !== sum.nulls || column.checksum !== sum.checksum;
  });
  return differs.length === 0 ? undefined : `other values in ${differs.map(([name]) => name).join(', ')}`;
};

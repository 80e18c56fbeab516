import { createHash } from 'node:crypto';
import type { ArchiveColumn, ArchiveKind, ColumnSum } from '../domain/archive-manifest';
import { assertNever } from '../domain/assert-never';

/** Values as the exact texts that the database gives and takes (compiler/materializations/archive-sql.ts). */
export type ArchiveRow = readonly (string | null)[];

/** As the Parquet library writes it. */
export const toParquet = (
  kind: ArchiveKind,
  text: string | null,
): boolean | number | bigint | string | null => {
  if (text === null) return null;
  switch (kind) {
    case 'boolean':
      return text === 'true';
    case 'int32':
    case 'date':
      return Number(text);
    case 'int64':
    case 'decimal':
    case 'timestamptz':
    case 'timestamp':
      return BigInt(text);
    case 'double':
      return Buffer.from(text, 'hex').readDoubleBE();
    case 'text':
      return text;
    default:
      return assertNever(kind);
  }
};

const doubleHex = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
};

/** What {@link toParquet} was given. */
export const fromParquet = (kind: ArchiveKind, value: unknown): string | null => {
  if (value === null || value === undefined) return null;
  return kind === 'double' ? doubleHex(value as number) : String(value);
};

/** As PostgreSQL reads it: a double by its shortest decimal, which is exact. */
export const toDatabase = (kind: ArchiveKind, text: string | null): string | null => {
  if (text === null || kind !== 'double') return text;
  const value = Buffer.from(text, 'hex').readDoubleBE();
  return Object.is(value, -0) ? '-0' : String(value);
};

/** Counts and sums rows as `sumRows` does in the database. */
export class RowSums {
  rows = 0;
  private readonly nulls: number[];
  private readonly totals: bigint[];

  constructor(private readonly columns: readonly ArchiveColumn[]) {
    this.nulls = columns.map(() => 0);
    this.totals = columns.map(() => 0n);
  }

  add(row: ArchiveRow): void {
    this.rows += 1;
    for (let i = 0; i < this.columns.length; i += 1) {
      const text = row[i] ?? null;
      if (text === null) this.nulls[i] = (this.nulls[i] ?? 0) + 1;
      else
        this.totals[i] =
          (this.totals[i] ?? 0n) + createHash('sha256').update(text, 'utf8').digest().readBigInt64BE(0);
    }
  }

  get sums(): Record<string, ColumnSum> {
    return Object.fromEntries(
      this.columns.map((c, i) => [
        c.name,
        { nulls: this.nulls[i] ?? 0, checksum: String(this.totals[i] ?? 0n) },
      ]),
    );
  }
}

import type { Dataset } from './dataset';
import { quoted } from './columns/field-problem';
import { StrataError } from './errors';

export interface ExtraColumn {
  readonly name: string;
  readonly index: number;
}

/** Where a dataset's columns stand in a file. */
export interface CsvHeader {
  readonly fieldCount: number;
  /** By the dataset's columns, in its order. */
  readonly columnIndexes: readonly number[];
  /** Columns that the contract doesn't name, in the file's order. */
  readonly extraColumns: readonly ExtraColumn[];
}

const LISTED = 20;

const listed = (names: readonly string[]): string => {
  const shown = names.slice(0, LISTED).map(quoted).join(', ');
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
};

const plural = (count: number): string => (count === 1 ? 'column' : 'columns');

const checkMissing = (missing: readonly string[], names: readonly string[], file: string): void => {
  if (missing.length === 0) return;
  throw new StrataError(
    'HEADER_MISSING_COLUMN',
    `${file} lacks the ${plural(missing.length)} ${listed(missing)}; its header has ${listed(names)}`,
  );
};

const checkDuplicates = (names: readonly string[], file: string): void => {
  const seen = new Set<string>();
  const duplicates = [...new Set(names.filter((name) => seen.size === seen.add(name).size))];
  if (duplicates.length === 0) return;
  throw new StrataError(
    'HEADER_DUPLICATE_COLUMN',
    `${file} names the ${plural(duplicates.length)} ${listed(duplicates)} more than once in its header`,
  );
};

/**
 * Finds a dataset's columns in a file's header, by their exact names and in any order.
 * @throws HEADER_DUPLICATE_COLUMN, HEADER_MISSING_COLUMN naming all of them
 */
export const matchHeader = (
  dataset: Pick<Dataset, 'columns'>,
  names: readonly string[],
  file: string,
): CsvHeader => {
  checkDuplicates(names, file);
  const wanted = new Set(dataset.columns.map((column) => column.name));
  const indexes = new Map(names.map((name, index) => [name, index]));
  const missing = [...wanted].filter((name) => !indexes.has(name));
  checkMissing(missing, names, file);
  return {
    fieldCount: names.length,
    columnIndexes: [...wanted].flatMap((name) => indexes.get(name) ?? []),
    extraColumns: names.flatMap((name, index) => (wanted.has(name) ? [] : [{ name, index }])),
  };
};

/** A longer header isn't kept: it would come with every dead letter of its file. */
const MAX_KEPT_CHARACTERS = 64 * 1024;

/** The names in a file's header, in its order, to be kept for its dead letters; null when they are too long. */
export const keptHeader = (dataset: Pick<Dataset, 'columns'>, header: CsvHeader): string[] | null => {
  const names: string[] = [];
  for (const [nth, { name }] of dataset.columns.entries()) names[header.columnIndexes[nth] ?? 0] = name;
  for (const { name, index } of header.extraColumns) names[index] = name;
  return names.join('').length > MAX_KEPT_CHARACTERS ? null : names;
};

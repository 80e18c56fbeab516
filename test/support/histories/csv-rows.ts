import { stringify } from 'csv-stringify/sync';
import { DEMO_COLUMNS } from '../../../src/demo/rows';
import { money } from '../reference';
import { instantText } from './history-file';
import type { LoadStep } from './history';

/** A value of a row as a file has it. */
export const fieldText = (column: string, value: unknown): string => {
  if (typeof value !== 'bigint') return value === null ? '' : String(value);
  return column === 'amount' ? money(value) : instantText(value);
};

/** The rows of a load as a CSV file; the one at place `rejected` as a line that no contract takes. */
export const csvOf = ({ dataset, rows, rejected }: LoadStep): string => {
  const columns = DEMO_COLUMNS[dataset];
  const lines = rows.map((row, i) =>
    i === rejected
      ? ['nothing', 'like', 'a', 'row', 'of', 'this', 'dataset', 'at', 'all']
      : columns.map((column) => fieldText(column, (row as unknown as Record<string, unknown>)[column])),
  );
  return stringify([[...columns], ...lines]);
};

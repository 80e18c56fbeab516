import { stringify } from 'csv-stringify/sync';
import { money } from '../reference';
import { instantText } from './history-file';
import type { LoadStep } from './history';

const COLUMNS: Readonly<Record<LoadStep['dataset'], readonly string[]>> = {
  customers: [
    'customer_id',
    'name',
    'email',
    'segment',
    'plan_type',
    'acquisition_channel',
    'created_at',
    'updated_at',
  ],
  transactions: ['transaction_id', 'customer_id', 'transaction_date', 'amount', 'transaction_type', 'status'],
  marketing_spend: ['spend_date', 'channel', 'amount'],
};

const fieldText = (column: string, value: unknown): string => {
  if (typeof value !== 'bigint') return value === null ? '' : String(value);
  return column === 'amount' ? money(value) : instantText(value);
};

/** The rows of a load as a CSV file; the one at place `rejected` as a line that no contract takes. */
export const csvOf = ({ dataset, rows, rejected }: LoadStep): string => {
  const columns = COLUMNS[dataset];
  const lines = rows.map((row, i) =>
    i === rejected
      ? ['nothing', 'like', 'a', 'row', 'of', 'this', 'dataset', 'at', 'all']
      : columns.map((column) => fieldText(column, (row as unknown as Record<string, unknown>)[column])),
  );
  return stringify([[...columns], ...lines]);
};

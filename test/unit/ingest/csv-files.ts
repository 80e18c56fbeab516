import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const TRANSACTIONS_HEADER =
  'transaction_id,customer_id,transaction_date,amount,transaction_type,status';

/** A valid line of `transactions`. */
export const transactionLine = (id: number | string, amount = '10.00'): string =>
  `T${id},C1,2024-01-10T00:00:00Z,${amount},subscription,completed`;

/** Many valid lines, each with its line end. */
export const transactionLines = (count: number, from = 1): string =>
  Array.from({ length: count }, (_, index) => `${transactionLine(from + index)}\n`).join('');

export const transactionsFile = (...lines: string[]): string =>
  `${[TRANSACTIONS_HEADER, ...lines].join('\n')}\n`;

/** Writes a file into a folder of its own; the name is its path's last part. */
export const writeTemporary = (name: string, content: string | Buffer): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'strata-csv-')), name);
  writeFileSync(path, content);
  return path;
};

import type { CopyTarget } from './copy';

/** Where dead letters are copied to, in this order of columns. */
export const DEAD_LETTER_TARGET: CopyTarget = {
  schema: 'ops',
  table: 'dead_letter',
  columns: [
    ...['load_id', 'batch_id', 'dataset', 'source', 'file'],
    ...['line_number', 'row_number', 'record', 'record_bytes', 'error', 'error_code'],
  ],
};

/** The rows of the demo's three datasets: every value as it stands in the file. */
export interface CustomerRow {
  readonly customer_id: string;
  readonly name: string;
  readonly email: string;
  readonly segment: string;
  readonly plan_type: string;
  readonly acquisition_channel: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface TransactionRow {
  readonly transaction_id: string;
  readonly customer_id: string;
  readonly transaction_date: string;
  readonly amount: string;
  readonly transaction_type: string;
  readonly status: string;
}

export interface SpendRow {
  readonly spend_date: string;
  readonly channel: string;
  readonly amount: string;
}

export type DemoRow = CustomerRow | TransactionRow | SpendRow;
export type DemoDataset = 'customers' | 'transactions' | 'marketing_spend';

export const DEMO_COLUMNS: Readonly<Record<DemoDataset, readonly string[]>> = {
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

/** One CSV file to be loaded; `lines` are raw lines that stand after the rows, broken ones among them. */
export interface DemoFile {
  readonly dataset: DemoDataset;
  readonly name: string;
  readonly rows: readonly DemoRow[];
  readonly lines?: readonly string[];
}

/** Files that arrive together, and what is to be seen of them. */
export interface DemoBatch {
  readonly title: string;
  readonly files: readonly DemoFile[];
}

const needsQuotes = /[",\r\n]/;

const field = (value: string): string =>
  needsQuotes.test(value) ? `"${value.replaceAll('"', '""')}"` : value;

/** The text of a file, in pieces of bounded size. */
export const csvChunks = function* (file: DemoFile, rowsPerChunk = 10_000): Generator<string> {
  const columns = DEMO_COLUMNS[file.dataset];
  yield `${columns.join(',')}\n`;
  for (let start = 0; start < file.rows.length; start += rowsPerChunk) {
    const rows = file.rows.slice(start, start + rowsPerChunk) as unknown as Record<string, string>[];
    yield rows.map((row) => `${columns.map((column) => field(row[column] ?? '')).join(',')}\n`).join('');
  }
  if (file.lines !== undefined) yield file.lines.map((line) => `${line}\n`).join('');
};

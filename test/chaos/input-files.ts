import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Random } from '../../src/demo/random';
import { histories, wholeRuns } from '../support/histories/history-arbitraries';
import {
  type Accepted,
  type CustomerRow,
  money,
  type SpendRow,
  type TransactionRow,
} from '../support/reference';

export type DatasetName = keyof Accepted;

type Row = CustomerRow | TransactionRow | SpendRow;

/** A file that was written for the pipeline, and what it holds. */
export interface InputFile {
  readonly dataset: DatasetName;
  readonly path: string;
  readonly sha256: string;
  /** Good rows by their number in the file. */
  readonly rows: ReadonlyMap<number, Row>;
  /** Numbers of the rows that can only be dead letters. */
  readonly badRows: readonly number[];
  /** Lacks a column: nothing of it may be loaded. */
  readonly isBroken: boolean;
}

const COLUMNS: Readonly<Record<DatasetName, readonly string[]>> = {
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

/** Rows of a file with many chunks. */
const BIG_FILE_ROWS = 5_000;
const HALF_YEAR_S = 180 * 86_400;
const START_S = Date.UTC(2023, 10, 20) / 1000;

const instant = (microseconds: bigint): string => {
  const rest = ((microseconds % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((microseconds - rest) / 1000n)).toISOString();
  return iso.replace('Z', `${rest.toString().padStart(3, '0')}Z`);
};

const fieldText = (column: string, value: unknown): string => {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'bigint') return String(value);
  return column === 'amount' ? money(value) : instant(value);
};

/** An empty field is NULL: that is what the file says, whatever was drawn. */
const asRead = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value === '' ? null : value]),
  ) as unknown as Row;

interface Draft {
  readonly dataset: DatasetName;
  readonly rows: readonly Row[];
}

const drawn = histories({ customers: 1, transactions: 1, spend: 1, runs: wholeRuns });

/** Loads with rows, as the property tests draw them. */
const drawnLoads = (seed: number, count: number): Draft[] => {
  const loads = fc
    .sample(drawn, { seed, numRuns: 3 * count })
    .flatMap(({ steps }) =>
      steps.flatMap((step) =>
        step.kind === 'load' && step.rows.length > 0 ? [{ dataset: step.dataset, rows: step.rows }] : [],
      ),
    );
  return loads.slice(0, count);
};

const bigLoad = (random: Random): Draft => ({
  dataset: 'transactions',
  rows: Array.from({ length: BIG_FILE_ROWS }, (_, i): TransactionRow => {
    const isRefund = random.chance(0.1);
    const cents = BigInt(random.int(0, 50_000));
    return {
      transaction_id: `T${100 + i}`,
      customer_id: random.pick(['C1', 'C2', 'C3', 'C9']),
      transaction_date: BigInt(START_S + random.int(0, HALF_YEAR_S)) * 1_000_000n,
      amount: isRefund ? -cents : cents,
      transaction_type: isRefund ? 'refund' : 'subscription',
      status: random.pick(['completed', 'completed', 'failed']),
    };
  }),
});

const writeFile = (path: string, { dataset, rows }: Draft, random: Random): InputFile => {
  const columns = COLUMNS[dataset];
  const lines = [columns.join(',')];
  const good = new Map<number, Row>();
  const badRows: number[] = [];
  const badShare = rows.length > 100 ? 0.01 : 0.2;
  for (const row of rows) {
    if (random.chance(badShare)) {
      lines.push(`bad,${lines.length}`);
      badRows.push(lines.length - 1);
    }
    lines.push(columns.map((c) => fieldText(c, (row as unknown as Record<string, unknown>)[c])).join(','));
    good.set(lines.length - 1, asRead(row));
  }
  const content = `${lines.join('\n')}\n`;
  writeFileSync(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { dataset, path, sha256, rows: good, badRows, isBroken: false };
};

const writeBrokenFile = (path: string): InputFile => {
  const content = `spend_date,channel\n2024-01-01,${path.length}\n`;
  writeFileSync(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { dataset: 'marketing_spend', path, sha256, rows: new Map(), badRows: [], isBroken: true };
};

export interface RoundNeeds {
  readonly seed: number;
  readonly count: number;
  readonly big: boolean;
  readonly broken: boolean;
}

/** Writes the files of a round; the same needs and seed give the same files. */
export const writeRoundFiles = (
  dir: string,
  round: number,
  needs: RoundNeeds,
  random: Random,
): InputFile[] => {
  const drafts = drawnLoads(needs.seed, needs.count);
  if (needs.big) drafts.unshift(bigLoad(random));
  const pathOf = (name: string): string => join(dir, `${String(round).padStart(3, '0')}-${name}.csv`);
  const files = drafts.map((draft, i) => writeFile(pathOf(`${draft.dataset}-${i}`), draft, random));
  return needs.broken ? [...files, writeBrokenFile(pathOf('broken'))] : files;
};

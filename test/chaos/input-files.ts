import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import type { Random } from '../../src/demo/random';
import { DEMO_COLUMNS } from '../../src/demo/rows';
import { fieldText } from '../support/histories/csv-rows';
import { histories, wholeRuns } from '../support/histories/history-arbitraries';
import type { Accepted, CustomerRow, SpendRow, TransactionRow } from '../support/reference';

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
  /** Those of them that pass once their amount is mended, as they are then. */
  readonly mendable: ReadonlyMap<number, Row>;
  /** Lacks a column: nothing of it may be loaded. */
  readonly isBroken: boolean;
  /** Lies in the inbox; nobody starts a load of it. */
  readonly isInInbox?: boolean;
}

/** What somebody puts in place of an amount that can't be read. */
export const MENDED_AMOUNT = '1.00';
const MENDED_CENTS = 100n;

/** Rows of a file with many chunks. */
const BIG_FILE_ROWS = 5_000;
const HALF_YEAR_S = 180 * 86_400;
const START_S = Date.UTC(2023, 10, 20) / 1000;

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');

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

/** A row whose amount can't be read: of a transaction of its own, so that it is seen when it is mended. */
const mendableRow = (path: string, rowNumber: number): TransactionRow => ({
  transaction_id: `M${basename(path, '.csv')}-${rowNumber}`,
  customer_id: 'C1',
  transaction_date: BigInt(START_S) * 1_000_000n,
  amount: MENDED_CENTS,
  transaction_type: 'subscription',
  status: 'completed',
});

class FileDraft {
  readonly rows = new Map<number, Row>();
  readonly mendable = new Map<number, Row>();
  readonly badRows: number[] = [];
  private readonly lines: string[];

  constructor(
    private readonly path: string,
    private readonly dataset: DatasetName,
  ) {
    this.lines = [DEMO_COLUMNS[dataset].join(',')];
  }

  good(row: Row): void {
    this.rows.set(this.lines.length, asRead(row));
    this.lines.push(this.lineOf(row));
  }

  bad(canBeMended: boolean): void {
    const rowNumber = this.lines.length;
    this.badRows.push(rowNumber);
    if (!canBeMended || this.dataset !== 'transactions') {
      this.lines.push(`bad,${rowNumber}`);
      return;
    }
    const row = mendableRow(this.path, rowNumber);
    this.mendable.set(rowNumber, row);
    this.lines.push(this.lineOf(row).replace(`,${MENDED_AMOUNT},`, ',one,'));
  }

  write(): InputFile {
    const { path, dataset, rows, badRows, mendable } = this;
    const content = `${this.lines.join('\n')}\n`;
    writeFileSync(path, content);
    return { dataset, path, sha256: sha256Of(content), rows, badRows, mendable, isBroken: false };
  }

  private lineOf(row: Row): string {
    return DEMO_COLUMNS[this.dataset]
      .map((c) => fieldText(c, (row as unknown as Record<string, unknown>)[c]))
      .join(',');
  }
}

const writeFile = (path: string, { dataset, rows }: Draft, random: Random): InputFile => {
  const draft = new FileDraft(path, dataset);
  const badShare = rows.length > 100 ? 0.01 : 0.2;
  for (const row of rows) {
    if (random.chance(badShare)) draft.bad(random.chance(0.5));
    draft.good(row);
  }
  return draft.write();
};

const writeBrokenFile = (path: string): InputFile => {
  const content = `spend_date,channel\n2024-01-01,${basename(path)}\n`;
  writeFileSync(path, content);
  const nothing = { rows: new Map(), badRows: [], mendable: new Map() };
  return { dataset: 'marketing_spend', path, sha256: sha256Of(content), ...nothing, isBroken: true };
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

const MONTH_S = 30 * 86_400;

/** Rows of months that are archived: one that is late, and one that moves from month to month, round by round. */
export const writeLateFile = (dir: string, round: number, random: Random): InputFile => {
  const path = join(dir, `${String(round).padStart(3, '0')}-late.csv`);
  const at = (month: number): bigint =>
    BigInt(START_S + month * MONTH_S + random.int(0, 20 * 86_400)) * 1_000_000n + 1n;
  const row = { ...mendableRow(path, 0), amount: BigInt(random.int(1, 50_000)) };
  const rows: TransactionRow[] = [
    { ...row, transaction_id: `L${round}`, customer_id: 'C2', transaction_date: at(random.int(0, 3)) },
    { ...row, transaction_id: 'L', transaction_date: at(round % 6) },
  ];
  return writeFile(path, { dataset: 'transactions', rows }, random);
};

/** Longer ago than a file of the inbox has to lie unchanged. */
const SETTLED_S = 60;

/** Puts a file into the inbox, as if it had lain there for a while. */
export const writeInboxFile = (inbox: string, round: number, random: Random): InputFile => {
  mkdirSync(inbox, { recursive: true });
  const path = join(inbox, `transactions-${round}.csv`);
  const row = { ...mendableRow(path, 0), transaction_id: `I${round}` };
  const file = writeFile(path, { dataset: 'transactions', rows: [row] }, random);
  const then = Date.now() / 1000 - SETTLED_S;
  utimesSync(path, then, then);
  return { ...file, isInInbox: true };
};

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TRANSACTION_HEADER = 'transaction_id,customer_id,transaction_date,amount,transaction_type,status';
const CUSTOMER_HEADER = 'customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at';
const START = Date.UTC(2024, 0, 1);
const MONTH_MS = 30 * 86_400_000;
/** The source's clock: an hour at a file a second is five years, as far ahead as facts have months of their own. */
const FILE_MS = MONTH_MS / 60;
const CUSTOMERS = 500;
const SEGMENTS = ['starter', 'growth', 'enterprise'];
const CHANNELS = ['ads', 'seo'];

export interface SourceFile {
  readonly dataset: 'customers' | 'transactions';
  readonly file: string;
  readonly goodRows: number;
  readonly badRows: number;
}

/** What the facts have to come to when all files are loaded. */
export interface Expected {
  readonly transactions: number;
  /** Cents of the completed ones. */
  readonly revenue: bigint;
  readonly deadLetters: number;
}

/** Numbers that are the same for every run of a seed: a linear congruential generator (Numerical Recipes). */
const createRandom = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

/**
 * A source that goes on: files of new, late and corrected transactions with a bad row now and then, and files of
 * customers' changes. Counts what it has sent.
 */
export class LoadSource {
  readonly #random: (below: number) => number;
  readonly #completed = new Map<number, bigint>();
  #files = 0;
  #lastId = 0;
  #bad = 0;

  constructor(
    private readonly folder: string,
    private readonly options: { readonly corrections: boolean } = { corrections: true },
  ) {
    this.#random = createRandom(1);
  }

  /** Months go by with the files, so that partitions and marts grow as they do in life. */
  transactions(rows: number): SourceFile {
    const lines = [TRANSACTION_HEADER];
    const used = new Set<number>();
    for (let i = 0; i < rows; i++) lines.push(this.#transaction(used));
    const badRows = this.#files % 7 === 0 ? 1 : 0;
    if (badRows === 1) lines.push(`bad-${this.#files},C1,nonsense,1.00,subscription,completed`);
    this.#bad += badRows;
    return { ...this.#write('transactions', lines), goodRows: rows, badRows };
  }

  /** Of the source's present, so that a change touches recent facts: as much work after an hour as in the beginning. */
  customers(rows: number): SourceFile {
    const lines = [CUSTOMER_HEADER];
    for (let i = 0; i < rows; i++) {
      const id = `C${this.#random(CUSTOMERS)}`;
      const at = new Date(START + this.#files * FILE_MS + i * 1000).toISOString();
      const segment = SEGMENTS[this.#random(SEGMENTS.length)];
      lines.push(
        `${id},Name ${this.#random(9)},${id}@example.com,${segment},pro,${CHANNELS[0]},2023-12-01,${at}`,
      );
    }
    return { ...this.#write('customers', lines), goodRows: rows, badRows: 0 };
  }

  expected(): Expected {
    let revenue = 0n;
    for (const cents of this.#completed.values()) revenue += cents;
    return { transactions: this.#lastId, revenue, deadLetters: this.#bad };
  }

  /** One in ten corrects an earlier transaction, each at most once a file. */
  #transaction(used: Set<number>): string {
    const corrects = this.options.corrections && this.#lastId > 0 && this.#random(10) === 0;
    const earlier = corrects ? 1 + this.#random(this.#lastId) : 0;
    const id = earlier > 0 && !used.has(earlier) ? earlier : ++this.#lastId;
    used.add(id);
    const at = START + this.#files * FILE_MS - this.#random(3) * this.#random(MONTH_MS);
    const cents = this.#random(100_000);
    const status = this.#random(20) === 0 ? 'failed' : 'completed';
    this.#completed.set(id, status === 'completed' ? BigInt(cents) : 0n);
    const amount = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
    const customer = `C${this.#random(CUSTOMERS)}`;
    return `T${id},${customer},${new Date(at).toISOString()},${amount},subscription,${status}`;
  }

  #write(dataset: SourceFile['dataset'], lines: readonly string[]): Pick<SourceFile, 'dataset' | 'file'> {
    this.#files += 1;
    const file = join(this.folder, `${dataset}-${this.#files}.csv`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    return { dataset, file };
  }
}

/**
 * Data of the bench: a base of transactions over 36 months, and daily batches. The same options give the same bytes. A
 * base row is a function of its number alone, so that corrections can repeat it, and memory stays constant.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface DataOptions {
  readonly rows: number;
  readonly batches: number;
  readonly batchRows: number;
  readonly customers: number;
  readonly batchCustomers: number;
  readonly seed: number;
}

export const DATASETS = ['customers', 'transactions', 'marketing_spend'] as const;
export type DatasetName = (typeof DATASETS)[number];

const END_S = Date.UTC(2026, 6, 1) / 1000;
const START_S = Date.UTC(2023, 6, 1) / 1000;
const YEAR_AGO_S = Date.UTC(2025, 6, 1) / 1000;
const SPAN_S = END_S - START_S;
const DAY_S = 86_400;
/** Of the customers so many have changed once within the base. */
const CHANGED_SHARE = 0.2;
const LATE_SHARE = 0.04;
const CORRECTED_SHARE = 0.01;
const BACKDATED_SHARE = 0.2;

const SEGMENTS = ['starter', 'growth', 'enterprise'] as const;
const PLANS = ['free', 'basic', 'pro', 'enterprise'] as const;
const CHANNELS = ['organic', 'paid_search', 'social', 'referral', 'partner'] as const;
const TYPES = ['subscription', 'one_time', 'refund'] as const;
const STATUSES = ['completed', 'pending', 'failed'] as const;

const HEADERS: Record<DatasetName, string> = {
  customers: 'customer_id,name,email,segment,plan_type,acquisition_channel,created_at,updated_at',
  transactions: 'transaction_id,customer_id,transaction_date,amount,transaction_type,status',
  marketing_spend: 'spend_date,channel,amount',
};

/** A sequence of numbers in [0, 1) for each place in the data (mulberry32 over mixed integers). */
const chanceAt = (...place: readonly number[]): (() => number) => {
  let state = 0x9e3779b9;
  for (const part of place) state = Math.imul(state ^ part, 0x85ebca6b) ^ (state >>> 13);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const below = (chance: () => number, limit: number): number => Math.floor(chance() * limit);

const pick = <T>(chance: () => number, values: readonly T[], shares: readonly number[]): T => {
  let rest = chance();
  const found = shares.findIndex((share) => (rest -= share) < 0);
  return values[found < 0 ? values.length - 1 : found] as T;
};

const timeText = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
const dayText = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
const money = (cents: number): string => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;

interface Place {
  readonly number: number;
  readonly customer: number;
  readonly at: number;
}

const transactionLine = ({ number, customer, at }: Place, chance: () => number): string => {
  const type = pick(chance, TYPES, [0.7, 0.25, 0.05]);
  const amount = money(500 + below(chance, 49_500));
  const status = pick(chance, STATUSES, [0.92, 0.05, 0.03]);
  const id = String(number).padStart(10, '0');
  const customerId = String(customer).padStart(7, '0');
  return `T${id},C${customerId},${timeText(at)},${type === 'refund' ? '-' : ''}${amount},${type},${status}\n`;
};

const someCustomer = (chance: () => number, customers: number): number =>
  Math.floor(customers * chance() ** 1.5);

/** Rows arrive roughly in the order of their dates, as from a real source. */
const basePlace = (number: number, { seed, rows, customers }: DataOptions): Place => {
  const chance = chanceAt(seed, 1, number);
  const at = START_S + Math.min(SPAN_S - 1, Math.floor((number / rows) * SPAN_S + chance() * DAY_S));
  return { number, at, customer: someCustomer(chance, customers) };
};

/** Writes lines by the megabyte. */
class LineFile {
  #held: string[] = [];
  #characters = 0;
  readonly #file: number;

  constructor(path: string, header: string) {
    this.#file = openSync(path, 'w');
    this.add(`${header}\n`);
  }

  add(line: string): void {
    this.#held.push(line);
    this.#characters += line.length;
    if (this.#characters >= 1_000_000) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#held.join(''));
    this.#held = [];
    this.#characters = 0;
  }
}

const writeFile = (folder: string, dataset: DatasetName, lines: Iterable<string>): void => {
  const file = new LineFile(join(folder, `${dataset}.csv`), HEADERS[dataset]);
  for (const line of lines) file.add(line);
  file.close();
};

/** Customers as they stand, and their changes. */
class Customers {
  readonly #segment: Uint8Array;
  readonly #plan: Uint8Array;
  readonly #renamed: Uint16Array;
  readonly #moved: Uint16Array;

  constructor(
    readonly count: number,
    private readonly seed: number,
  ) {
    this.#segment = new Uint8Array(count);
    this.#plan = new Uint8Array(count);
    this.#renamed = new Uint16Array(count);
    this.#moved = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const chance = chanceAt(seed, 2, i);
      this.#segment[i] = pick(chance, [0, 1, 2], [0.6, 0.3, 0.1]);
      this.#plan[i] = pick(chance, [0, 1, 2, 3], [0.4, 0.3, 0.2, 0.1]);
    }
  }

  createdAt(i: number): number {
    return START_S - 1 - below(chanceAt(this.seed, 3, i), 400 * DAY_S);
  }

  change(i: number, chance: () => number): void {
    const what = pick(chance, ['plan', 'segment', 'name', 'email'] as const, [0.4, 0.25, 0.1, 0.25]);
    if (what === 'plan') this.#plan[i] = ((this.#plan[i] ?? 0) + 1 + below(chance, 3)) % 4;
    else if (what === 'segment') this.#segment[i] = ((this.#segment[i] ?? 0) + 1 + below(chance, 2)) % 3;
    else if (what === 'name') this.#renamed[i] = (this.#renamed[i] ?? 0) + 1;
    else this.#moved[i] = (this.#moved[i] ?? 0) + 1;
  }

  line(i: number, updatedAt: number): string {
    const renamed = this.#renamed[i] ?? 0;
    const values = [
      `C${String(i).padStart(7, '0')}`,
      `Customer ${i}${renamed > 0 ? ` v${renamed}` : ''}`,
      `user${i}.${this.#moved[i] ?? 0}@example.com`,
      SEGMENTS[this.#segment[i] ?? 0],
      PLANS[this.#plan[i] ?? 0],
      CHANNELS[below(chanceAt(this.seed, 4, i), CHANNELS.length)],
      timeText(this.createdAt(i)),
      timeText(updatedAt),
    ];
    return `${values.join(',')}\n`;
  }
}

function* customerBase(customers: Customers, seed: number): Generator<string> {
  for (let i = 0; i < customers.count; i++) yield customers.line(i, customers.createdAt(i));
  for (let i = 0; i < customers.count; i++) {
    const chance = chanceAt(seed, 5, i);
    if (chance() >= CHANGED_SHARE) continue;
    customers.change(i, chance);
    yield customers.line(i, START_S + below(chance, SPAN_S - DAY_S));
  }
}

function* transactionBase(options: DataOptions): Generator<string> {
  for (let n = 0; n < options.rows; n++)
    yield transactionLine(basePlace(n, options), chanceAt(options.seed, 6, n));
}

function* spendOf(fromS: number, toS: number, chance: () => number): Generator<string> {
  for (let day = fromS; day < toS; day += DAY_S)
    for (const channel of CHANNELS)
      yield `${dayText(day)},${channel},${money(1_000 + below(chance, 89_000))}\n`;
}

const shuffle = <T>(values: T[], chance: () => number): T[] => {
  for (let i = values.length - 1; i > 0; i--) {
    const j = below(chance, i + 1);
    [values[i], values[j]] = [values[j] as T, values[i] as T];
  }
  return values;
};

/** New rows of the batch's day, late ones of the year before, and corrections: the same id and time, said otherwise. */
const batchPlaces = (batch: number, options: DataOptions): Place[] => {
  const { seed, rows, batchRows, customers } = options;
  const chance = chanceAt(seed, 7, batch);
  const corrected = Math.floor(batchRows * CORRECTED_SHARE);
  const late = Math.floor(batchRows * LATE_SHARE);
  const first = rows + (batch - 1) * (batchRows - corrected);
  const day = END_S + (batch - 1) * DAY_S;
  const places: Place[] = [];
  for (let i = 0; i < batchRows - corrected; i++) {
    const at = i < late ? YEAR_AGO_S + below(chance, END_S - YEAR_AGO_S) : day + below(chance, DAY_S);
    places.push({ number: first + i, at, customer: someCustomer(chance, customers) });
  }
  const numbers = new Set<number>();
  while (numbers.size < corrected) numbers.add(below(chance, rows));
  for (const number of numbers) places.push(basePlace(number, options));
  return shuffle(places, chance);
};

function* transactionBatch(batch: number, options: DataOptions): Generator<string> {
  for (const place of batchPlaces(batch, options))
    yield transactionLine(place, chanceAt(options.seed, 8, batch, place.number));
}

function* customerBatch(batch: number, customers: Customers, options: DataOptions): Generator<string> {
  const chance = chanceAt(options.seed, 9, batch);
  const nowS = END_S + batch * DAY_S;
  const chosen = new Set<number>();
  while (chosen.size < Math.min(options.batchCustomers, customers.count))
    chosen.add(below(chance, customers.count));
  for (const i of [...chosen].sort((a, b) => a - b)) {
    customers.change(i, chance);
    const back = chance() < BACKDATED_SHARE ? 1 + below(chance, 10) : 0;
    yield customers.line(i, nowS - back * DAY_S - 1 - below(chance, DAY_S - 1));
  }
}

export const baseFolder = (folder: string): string => join(folder, 'base');
export const batchFolder = (folder: string, batch: number): string =>
  join(folder, `batch_${String(batch).padStart(2, '0')}`);

/** Writes `base/DATASET.csv` and `batch_NN/DATASET.csv` below `folder`. */
export const generateData = (folder: string, options: DataOptions): void => {
  const { seed } = options;
  const customers = new Customers(options.customers, seed);
  const base = baseFolder(folder);
  mkdirSync(base, { recursive: true });
  writeFile(base, 'customers', customerBase(customers, seed));
  writeFile(base, 'transactions', transactionBase(options));
  writeFile(base, 'marketing_spend', spendOf(START_S, END_S, chanceAt(seed, 10)));
  for (let batch = 1; batch <= options.batches; batch++) {
    const into = batchFolder(folder, batch);
    mkdirSync(into, { recursive: true });
    writeFile(into, 'customers', customerBatch(batch, customers, options));
    writeFile(into, 'transactions', transactionBatch(batch, options));
    const day = END_S + (batch - 1) * DAY_S;
    writeFile(into, 'marketing_spend', spendOf(day, day + DAY_S, chanceAt(seed, 11, batch)));
  }
};

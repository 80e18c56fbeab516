import { BATCHES_TO, DAY_MS, dayText, HISTORY_FROM, HISTORY_TO, instantText } from './calendar';
import { changedRow, type DemoCustomer, historyCustomers, newCustomer } from './customers';
import { createRandom, type Random } from './random';
import type { CustomerRow, DemoBatch, DemoFile, SpendRow, TransactionRow } from './rows';
import {
  cents,
  createTransactionIds,
  oneTransaction,
  type TransactionIds,
  transactionsOf,
} from './transactions';

const SEED = 20_231_001;
const CUSTOMERS = 5_000;
const CHANNELS: Readonly<Record<string, number>> = { search: 900, social: 600, partners: 250, events: 400 };

export interface DemoData {
  /** Three years, to be loaded in one go. */
  readonly history: DemoBatch;
  /** What arrives afterwards, in order. */
  readonly batches: readonly DemoBatch[];
}

interface World {
  readonly random: Random;
  readonly ids: TransactionIds;
  readonly customers: readonly DemoCustomer[];
  readonly transactions: readonly TransactionRow[];
}

const spend = (random: Random, from: number, to: number): SpendRow[] => {
  const rows: SpendRow[] = [];
  for (let day = from; day < to; day += DAY_MS)
    for (const [channel, mean] of Object.entries(CHANNELS))
      rows.push({ spend_date: dayText(day), channel, amount: cents(mean * (0.5 + random.next())) });
  return rows;
};

const byDate = (a: TransactionRow, b: TransactionRow): number =>
  a.transaction_date < b.transaction_date ? -1 : Number(a.transaction_date > b.transaction_date);

const file = (dataset: DemoFile['dataset'], name: string, rows: DemoFile['rows']): DemoFile => ({
  dataset,
  name,
  rows,
});

const newMonth = ({ random, ids, customers }: World): DemoFile[] => {
  const arrivals = Array.from({ length: 120 }, (_, i) =>
    newCustomer(random, CUSTOMERS + 1 + i, HISTORY_TO + random.int(0, 9 * 86_400) * 1000),
  );
  const span = { from: HISTORY_TO, to: HISTORY_TO + 10 * DAY_MS };
  const rows = [...customers, ...arrivals].flatMap((c) => transactionsOf(random, ids, c, span));
  return [
    file(
      'customers',
      'customers-2026-10.csv',
      arrivals.flatMap((c) => c.versions.map((v) => v.row)),
    ),
    file('transactions', 'transactions-2026-10.csv', rows.sort(byDate)),
    file('marketing_spend', 'marketing_spend-2026-10.csv', spend(random, span.from, span.to)),
  ];
};

/** Rows for two months that everybody thought were closed. */
const lateArrivals = ({ random, ids, customers }: World): DemoFile[] => {
  const spans = [Date.UTC(2025, 1, 1), Date.UTC(2025, 10, 1)].map((from) => ({
    from,
    to: from + 28 * DAY_MS,
  }));
  const rows = random
    .sample(
      customers.filter((c) => c.createdAt < Date.UTC(2025, 0, 1)),
      300,
    )
    .map((c) => oneTransaction(random, ids, c, random.pick(spans)));
  return [file('transactions', 'transactions-late.csv', rows)];
};

/** Known transactions again, moved by some weeks or with another amount. */
const corrections = ({ random, transactions }: World): DemoFile[] => {
  const known = transactions.filter(
    (t) => t.transaction_date > '2026-03' && t.transaction_type === 'one_time',
  );
  const rows = random.sample(known, 200).map((t) =>
    random.chance(0.7)
      ? {
          ...t,
          transaction_date: instantText(Date.parse(t.transaction_date) - random.int(20, 50) * DAY_MS),
        }
      : { ...t, amount: cents(Number(t.amount) + 10) },
  );
  return [file('transactions', 'transactions-corrected.csv', rows)];
};

/** Changes of customers from now on, and some that took effect long ago, between known versions. */
const dimensionChanges = ({ random, customers }: World): DemoFile[] => {
  const grown = customers.filter((c) => c.createdAt < Date.UTC(2026, 0, 1));
  const rows = random.sample(grown, 160).flatMap((c, index): CustomerRow[] => {
    const at =
      index < 100
        ? HISTORY_TO + random.int(0, 10 * 86_400) * 1000
        : c.createdAt + Math.floor((HISTORY_TO - c.createdAt) * random.next());
    const base = c.versions.findLast((v) => v.at <= at)?.row;
    return base === undefined ? [] : [changedRow(random, base, Math.floor(at / 1000) * 1000)];
  });
  return [file('customers', 'customers-changed.csv', rows)];
};

/** Rows that are known already, the same new row three times, and one id whose last line wins. */
const duplicates = ({ random, ids, customers, transactions }: World): DemoFile[] => {
  const span = { from: HISTORY_TO + 10 * DAY_MS, to: BATCHES_TO };
  const fresh = random.sample(customers, 100).map((c) => oneTransaction(random, ids, c, span));
  const rows = [
    ...random.sample(transactions, 400),
    ...fresh,
    ...fresh,
    ...fresh.map((t) => ({ ...t, amount: cents(Number(t.amount) + 1) })),
  ];
  return [file('transactions', 'transactions-duplicated.csv', rows)];
};

const BAD_LINES: readonly string[] = [
  ',C00001,2026-10-12,10.00,one_time,completed',
  'X1,,2026-10-12,10.00,one_time,completed',
  'X2,C00001,2026-13-01,10.00,one_time,completed',
  'X3,C00001,yesterday,10.00,one_time,completed',
  'X4,C00001,2026-10-12,"1,000.00",one_time,completed',
  'X5,C00001,2026-10-12,10.005,one_time,completed',
  'X6,C00001,2026-10-12,-10.00,subscription,completed',
  'X7,C00001,2026-10-12,10.00,gift,completed',
  'X8,C00001,2026-10-12,10.00,one_time,Completed',
  'X9,C00001,2026-10-12,10.00,one_time',
  'X10,C00001,2026-10-12,10.00,one_time,completed,surplus',
  'X11,C00001,2026-02-30,ten,refund,done',
];

const badRows = ({ random, ids, customers }: World): DemoFile[] => {
  const span = { from: HISTORY_TO + 10 * DAY_MS, to: BATCHES_TO };
  const rows = random.sample(customers, 400).map((c) => oneTransaction(random, ids, c, span));
  return [{ ...file('transactions', 'transactions-with-bad-rows.csv', rows), lines: BAD_LINES }];
};

const again = (files: readonly DemoFile[]): DemoFile[] =>
  files
    .filter((f) => f.dataset === 'transactions')
    .map((f) => ({ ...f, name: f.name.replace('.csv', '-sent-again.csv') }));

/** The whole demo, the same at each call: about 5,000 customers, 200,000 transactions, three years of spend. */
export const generateDemo = (): DemoData => {
  const random = createRandom(SEED);
  const ids = createTransactionIds();
  const customers = historyCustomers(random, CUSTOMERS);
  const span = { from: HISTORY_FROM, to: HISTORY_TO };
  const transactions = customers.flatMap((c) => transactionsOf(random, ids, c, span)).sort(byDate);
  const world: World = { random, ids, customers, transactions };
  const october = newMonth(world);
  return {
    history: {
      title: 'Three years of history',
      files: [
        file(
          'customers',
          'customers.csv',
          customers.flatMap((c) => c.versions.map((v) => v.row)),
        ),
        file('transactions', 'transactions.csv', transactions),
        file('marketing_spend', 'marketing_spend.csv', spend(random, HISTORY_FROM, HISTORY_TO)),
      ],
    },
    batches: [
      { title: 'Ten days of October: new customers, new transactions, spend', files: october },
      { title: 'Late arrivals for two closed months', files: lateArrivals(world) },
      { title: 'Corrections that move transactions to other months', files: corrections(world) },
      { title: 'Changes of customers, some of them backdated', files: dimensionChanges(world) },
      { title: 'Duplicates: known rows again, new rows three times', files: duplicates(world) },
      { title: "October's file sent a second time, under another name", files: again(october) },
      { title: 'A file with bad rows', files: badRows(world) },
    ],
  };
};

import { instantText, monthsBetween, nextMonth } from './calendar';
import { type DemoCustomer, MONTHLY_PRICE, versionAt } from './customers';
import type { Random } from './random';
import type { TransactionRow } from './rows';

/** Gives T0000001, T0000002 ... over the whole demo. */
export interface TransactionIds {
  next(): string;
}

export const createTransactionIds = (): TransactionIds => {
  let last = 0;
  return { next: () => `T${String((last += 1)).padStart(7, '0')}` };
};

export const cents = (amount: number): string => amount.toFixed(2);

const status = (random: Random): string => random.weighted({ completed: 97, pending: 2, failed: 1 });

const within = (random: Random, from: number, to: number): string =>
  instantText(from + Math.floor(random.next() * (to - from)));

interface Span {
  readonly from: number;
  readonly to: number;
}

interface MonthContext extends Span {
  readonly random: Random;
  readonly ids: TransactionIds;
  readonly customer: DemoCustomer;
}

const subscription = ({ random, ids, customer, from, to }: MonthContext): TransactionRow[] => {
  const price = MONTHLY_PRICE[versionAt(customer, from)?.plan_type ?? 'free'] ?? 0;
  // A pause now and then: what the reactivation figure is about.
  if (price === 0 || random.chance(0.02)) return [];
  return [
    {
      transaction_id: ids.next(),
      customer_id: customer.id,
      transaction_date: within(random, from, Math.min(to, from + 5 * 86_400_000)),
      amount: cents(price),
      transaction_type: 'subscription',
      status: status(random),
    },
  ];
};

const extras = ({ random, ids, customer, from, to }: MonthContext): TransactionRow[] => {
  const count = random.weighted({ '0': 16, '1': 21, '2': 24, '3': 21, '4': 18 });
  return Array.from({ length: Number(count) }, () => {
    const refund = random.chance(0.06);
    const amount = random.int(500, 30_000) / 100;
    return {
      transaction_id: ids.next(),
      customer_id: customer.id,
      transaction_date: within(random, from, to),
      amount: cents(refund ? -amount : amount),
      transaction_type: refund ? 'refund' : 'one_time',
      status: status(random),
    };
  });
};

/** What a customer pays in `[from, to)`, month by month, while it is one. */
export const transactionsOf = (
  random: Random,
  ids: TransactionIds,
  customer: DemoCustomer,
  span: Span,
): TransactionRow[] =>
  monthsBetween(span.from, span.to).flatMap((month) => {
    const from = Math.max(month, span.from, customer.createdAt);
    const to = Math.min(nextMonth(month), span.to, customer.churnedAt);
    if (from >= to) return [];
    const context: MonthContext = { random, ids, customer, from, to };
    return [...subscription(context), ...extras(context)];
  });

/** One transaction at a random instant of `[from, to)`. */
export const oneTransaction = (
  random: Random,
  ids: TransactionIds,
  customer: DemoCustomer,
  span: Span,
): TransactionRow => ({
  transaction_id: ids.next(),
  customer_id: customer.id,
  transaction_date: within(random, span.from, span.to),
  amount: cents(random.int(500, 30_000) / 100),
  transaction_type: 'one_time',
  status: 'completed',
});

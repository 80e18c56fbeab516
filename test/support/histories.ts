import fc from 'fast-check';
import type { TransformInput } from '../../src/wire/transform';
import type { CustomerRow, SpendRow, TransactionRow } from './reference';

export type Step =
  | { readonly kind: 'run'; readonly transform: TransformInput }
  | { readonly kind: 'publish' }
  | {
      readonly kind: 'load';
      readonly dataset: 'customers';
      readonly rows: readonly CustomerRow[];
      readonly late: boolean;
    }
  | {
      readonly kind: 'load';
      readonly dataset: 'transactions';
      readonly rows: readonly TransactionRow[];
      readonly late: boolean;
    }
  | {
      readonly kind: 'load';
      readonly dataset: 'marketing_spend';
      readonly rows: readonly SpendRow[];
      readonly late: boolean;
    };

/** What arrives and when runs happen in between. Few keys and few moments, so that everything collides. */
export interface History {
  readonly steps: readonly Step[];
}

const HOUR = 3_600_000_000n;
const START = BigInt(Date.UTC(2023, 10, 20)) * 1000n;
/** Some 100 moments over half a year, some on the boundaries of months. */
const moment = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map((i) => START + BigInt(i * 15 * 24) * HOUR),
  fc.integer({ min: 0, max: 6 }).map((i) => BigInt(Date.UTC(2023, 11 + i, 1)) * 1000n),
  fc.integer({ min: 0, max: 6 }).map((i) => BigInt(Date.UTC(2023, 11 + i, 1)) * 1000n - 1n),
  fc.integer({ min: 0, max: 4000 }).map((i) => START + BigInt(i) * HOUR),
);

const customerId = fc.constantFrom('C1', 'C2', 'C3');
const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(values, { nil: null, freq: 4 });

const customer: fc.Arbitrary<CustomerRow> = fc.record({
  customer_id: customerId,
  name: nullable(fc.constantFrom('Ada', 'Bob')),
  email: nullable(fc.constantFrom('a@x', 'b@x', '')),
  segment: nullable(fc.constantFrom('starter', 'growth')),
  plan_type: nullable(fc.constantFrom('free', 'pro')),
  acquisition_channel: nullable(fc.constantFrom('ads', 'seo')),
  created_at: moment,
  updated_at: moment,
});

const transaction: fc.Arbitrary<TransactionRow> = fc
  .record({
    transaction_id: fc.integer({ min: 1, max: 12 }).map((n) => `T${n}`),
    customer_id: fc.oneof({ weight: 5, arbitrary: customerId }, { weight: 1, arbitrary: fc.constant('C9') }),
    transaction_date: moment,
    cents: fc.integer({ min: 0, max: 30_000 }),
    transaction_type: fc.constantFrom('subscription', 'subscription', 'one_time', 'refund'),
    status: fc.constantFrom('completed', 'completed', 'completed', 'pending', 'failed'),
  })
  .map(({ cents, ...row }) => ({
    ...row,
    amount: BigInt(row.transaction_type === 'refund' ? -cents : cents),
  }));

const spend: fc.Arbitrary<SpendRow> = fc.record({
  spend_date: fc.constantFrom('2023-11-30', '2023-12-01', '2024-01-31', '2024-02-29', '2024-05-01'),
  channel: fc.constantFrom('ads', 'seo'),
  amount: fc.integer({ min: 0, max: 100_000 }).map(BigInt),
});

const late = fc.boolean();
const load = fc.oneof(
  fc.record({
    kind: fc.constant('load' as const),
    dataset: fc.constant('customers' as const),
    rows: fc.array(customer, { maxLength: 5 }),
    late,
  }),
  fc.record({
    kind: fc.constant('load' as const),
    dataset: fc.constant('transactions' as const),
    rows: fc.array(transaction, { maxLength: 8 }),
    late,
  }),
  fc.record({
    kind: fc.constant('load' as const),
    dataset: fc.constant('marketing_spend' as const),
    rows: fc.array(spend, { maxLength: 3 }),
    late,
  }),
);

const transform: fc.Arbitrary<TransformInput> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ fullRefresh: true }) },
  {
    weight: 2,
    arbitrary: fc.record({
      select: fc.constantFrom<string[]>(
        ['stg_customers+'],
        ['stg_transactions'],
        ['dim_customer'],
        ['+fct_transactions'],
        ['stg_customers', 'dim_customer'],
      ),
      fullRefresh: fc.boolean(),
    }),
  },
);

/** A run of a selection is only possible once everything was built. */
export const historyArbitrary: fc.Arbitrary<History> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: load },
      { weight: 1, arbitrary: fc.constant({ kind: 'publish' as const }) },
      { weight: 3, arbitrary: transform.map((t) => ({ kind: 'run' as const, transform: t })) },
    ),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) => ({ steps: [{ kind: 'run' as const, transform: {} }, ...steps] }));

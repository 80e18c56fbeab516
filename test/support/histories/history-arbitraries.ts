import fc from 'fast-check';
import type { TransformInput } from '../../../src/wire/transform';
import type { CustomerRow, SpendRow, TransactionRow } from '../reference';
import type { Course, History, LoadStep, Step } from './history';

const HOUR = 3_600_000_000n;
const START = BigInt(Date.UTC(2023, 10, 20)) * 1000n;
const firstOf = (month: number): bigint => BigInt(Date.UTC(2023, 11 + month, 1)) * 1000n;

/** A dozen moments, so that they collide. */
const fewMoments = fc.integer({ min: 0, max: 12 }).map((i) => START + BigInt(i * 15 * 24) * HOUR);
/** First and last microseconds of months. */
const edgesOfMonths = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.boolean())
  .map(([month, before]) => firstOf(month) - (before ? 1n : 0n));
const moments = fc.oneof(
  fewMoments,
  edgesOfMonths,
  fc.integer({ min: 0, max: 4000 }).map((i) => START + BigInt(i) * HOUR),
);

const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(values, { nil: null, freq: 4 });
const customerId = fc.constantFrom('C1', 'C2', 'C3');

const customer = (at: fc.Arbitrary<bigint>, deletes: boolean): fc.Arbitrary<CustomerRow> =>
  fc.record({
    customer_id: customerId,
    name: nullable(fc.constantFrom('Ada', 'Bob')),
    email: nullable(fc.constantFrom('a@x', 'b@x', '')),
    segment: nullable(fc.constantFrom('starter', 'growth')),
    plan_type: nullable(fc.constantFrom('free', 'pro')),
    acquisition_channel: nullable(fc.constantFrom('ads', 'seo')),
    created_at: at,
    updated_at: at,
    ...(deletes ? { is_deleted: fc.constantFrom(false, false, true) } : {}),
  });

const transaction = (
  at: fc.Arbitrary<bigint>,
  { ids, subscriptions }: { ids: number; subscriptions: number },
): fc.Arbitrary<TransactionRow> =>
  fc
    .record({
      transaction_id: fc.integer({ min: 1, max: ids }).map((n) => `T${n}`),
      // Now and then of a customer that never arrives.
      customer_id: fc.oneof(
        { weight: 5, arbitrary: customerId },
        { weight: 1, arbitrary: fc.constant('C9') },
      ),
      transaction_date: at,
      cents: fc.oneof(fc.integer({ min: 0, max: 30_000 }), fc.constantFrom(0, 1000, 2000)),
      transaction_type: fc.oneof(
        { weight: subscriptions, arbitrary: fc.constant('subscription') },
        { weight: 2, arbitrary: fc.constantFrom('one_time', 'refund') },
      ),
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

/** What a history leans to. */
export interface Bias {
  /** Shares of the datasets among the loads. */
  readonly customers: number;
  readonly transactions: number;
  readonly spend: number;
  readonly moments?: fc.Arbitrary<bigint>;
  /** Different transactions at most. */
  readonly transactionIds?: number;
  /** Subscriptions for every two other transactions. */
  readonly subscriptions?: number;
  /** Whether customers are also deleted. */
  readonly deletes?: boolean;
  readonly runs: fc.Arbitrary<Step>;
}

const loadOf = <Row>(
  dataset: LoadStep['dataset'],
  row: fc.Arbitrary<Row>,
  maxLength: number,
): fc.Arbitrary<LoadStep> =>
  fc
    .record({
      kind: fc.constant('load'),
      dataset: fc.constant(dataset),
      rows: fc.array(row, { maxLength }),
      late: fc.boolean(),
      rejected: fc.option(fc.nat(maxLength - 1), { nil: undefined, freq: 3 }),
    })
    // The types of the three datasets are one union; a generic function can't say which member it makes.
    .map(
      ({ rejected, ...step }) =>
        ({ ...step, ...(rejected === undefined ? {} : { rejected }) }) as unknown as LoadStep,
    );

/** All customers of a time in one file; what has come for later times stays. */
const completeLoad = (at: fc.Arbitrary<bigint>): fc.Arbitrary<LoadStep> =>
  fc.record({
    kind: fc.constant('load'),
    dataset: fc.constant('customers'),
    rows: fc.array(customer(at, true), { maxLength: 3 }),
    late: fc.boolean(),
    completeAsOf: at,
  });

const loads = (bias: Bias): fc.Arbitrary<LoadStep> => {
  const at = bias.moments ?? moments;
  const { transactionIds: ids = 12, subscriptions = 2, deletes = false } = bias;
  return fc.oneof(
    { weight: bias.customers, arbitrary: loadOf('customers', customer(at, deletes), 5) },
    {
      weight: bias.transactions,
      arbitrary: loadOf('transactions', transaction(at, { ids, subscriptions }), 8),
    },
    { weight: bias.spend, arbitrary: loadOf('marketing_spend', spend, 3) },
    { weight: deletes ? 3 : 0, arbitrary: completeLoad(at) },
  );
};

const whole: fc.Arbitrary<TransformInput> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ fullRefresh: true }) },
);

const selected: fc.Arbitrary<TransformInput> = fc.record({
  select: fc.constantFrom<string[]>(
    ['stg_customers+'],
    ['stg_transactions'],
    ['dim_customer'],
    ['+fct_transactions'],
    ['fct_transactions'],
    ['int_customer_months'],
    ['int_segment_months', 'int_mrr_movements'],
    ['mart_mrr_monthly', 'mart_kpis_monthly'],
    ['stg_customers', 'dim_customer'],
  ),
  fullRefresh: fc.boolean(),
});

const run = (transform: fc.Arbitrary<TransformInput>, course?: fc.Arbitrary<Course>): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant('run'), transform, ...(course ? { course } : {}) });

const at = fc.nat(9);
const troubled: fc.Arbitrary<Course> = fc.oneof(
  fc.constant<Course>({ kind: 'twice' }),
  fc.record({ kind: fc.constant('aborted'), afterMs: fc.nat(12) }),
  fc.record({ kind: fc.constant('failed'), at }),
  fc.record({ kind: fc.constant('published-within'), at }),
);

const mixed = fc.oneof({ weight: 3, arbitrary: whole }, { weight: 2, arbitrary: selected });

/** Runs of everything. */
export const wholeRuns = run(whole);
/** Runs of everything, and of selections. */
export const mixedRuns = run(mixed);
/** Runs that are disturbed, repeated, or two at once. */
export const troubledRuns: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: run(whole, troubled) },
  { weight: 1, arbitrary: run(selected, troubled) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('runs-at-once'),
      transforms: fc.array(mixed, { minLength: 2, maxLength: 2 }),
    }),
  },
);
export { edgesOfMonths, fewMoments };

const dataset = fc.constantFrom('customers', 'transactions', 'marketing_spend');

/** A run of a selection is only possible once everything was built; before that there may be loads. */
export const histories = (bias: Bias): fc.Arbitrary<History> =>
  fc
    .record({
      before: fc.array(loads(bias), { maxLength: 2 }),
      after: fc.array(
        fc.oneof<fc.WeightedArbitrary<Step>[]>(
          { weight: 12, arbitrary: loads(bias) },
          { weight: 1, arbitrary: fc.record({ kind: fc.constant('again'), dataset }) },
          { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish'), which: fc.nat(3) }) },
          { weight: 2, arbitrary: fc.constant({ kind: 'replay' }) },
          { weight: 8, arbitrary: bias.runs },
        ),
        { minLength: 1, maxLength: 14 },
      ),
      refreshed: fc.boolean(),
    })
    .map(({ before, after, refreshed }) => ({
      steps: [...before, { kind: 'run', transform: {} }, ...after],
      refreshed,
    }));

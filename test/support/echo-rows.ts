import type { CustomerRow, TransactionRow } from './reference';

/** Microseconds since 1970 of an ISO time. */
export const at = (iso: string): bigint => BigInt(Date.parse(iso)) * 1000n;

/** A change of a customer; times as ISO text. */
export const customer = (
  id: string,
  updatedAt: string,
  values: Partial<Omit<CustomerRow, 'created_at'>> & { readonly created_at?: string } = {},
): CustomerRow => {
  const { created_at: createdAt = '2023-01-01', ...rest } = values;
  return {
    customer_id: id,
    name: 'Ada',
    email: 'ada@example.com',
    segment: 'starter',
    plan_type: 'basic',
    acquisition_channel: 'ads',
    updated_at: at(updatedAt),
    ...rest,
    created_at: at(createdAt),
  };
};

/** A completed subscription transaction of 10.00; time as ISO text, amount in cents. */
export const transaction = (
  id: string,
  customerId: string,
  date: string,
  values: Partial<TransactionRow> = {},
): TransactionRow => ({
  transaction_id: id,
  customer_id: customerId,
  transaction_date: at(date),
  amount: 1000n,
  transaction_type: 'subscription',
  status: 'completed',
  ...values,
});

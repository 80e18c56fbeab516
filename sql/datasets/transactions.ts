import { column, defineDataset, rowRule, z } from 'strata';

/** A later-loaded row replaces the earlier one of its `transaction_id`. */
export const transactions = defineDataset({
  name: 'transactions',
  key: ['transaction_id'],
  eventTime: 'transaction_date',
  schema: z
    .object({
      transaction_id: column.id(),
      customer_id: column.id(),
      transaction_date: column.timestamp(),
      amount: column.numeric(18, 2),
      transaction_type: column.oneOf(['subscription', 'one_time', 'refund']),
      status: column.oneOf(['completed', 'pending', 'failed']),
    })
    .check(
      rowRule({
        columns: ['amount', 'transaction_type'],
        isGood: ({ amount, transaction_type }) => transaction_type === 'refund' || !amount?.startsWith('-'),
        message: 'is negative, which only a refund may be',
      }),
    ),
});

import { column, defineDataset, z } from 'strata';

/** A row says: from `updated_at` on, this customer looks like this. */
export const customers = defineDataset({
  name: 'customers',
  key: ['customer_id', 'updated_at'],
  eventTime: 'updated_at',
  schema: z.object({
    customer_id: column.id(),
    name: column.text({ nullable: true }),
    email: column.text({ nullable: true }),
    segment: column.oneOf(['starter', 'growth', 'enterprise'], { nullable: true }),
    plan_type: column.oneOf(['free', 'basic', 'pro', 'enterprise'], { nullable: true }),
    acquisition_channel: column.text({ nullable: true }),
    created_at: column.timestamp(),
    updated_at: column.timestamp(),
  }),
});

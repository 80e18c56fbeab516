import { column, defineDataset, z } from 'strata';

/** What a channel cost on a day; a later-loaded row replaces the earlier one. */
export const marketing_spend = defineDataset({
  name: 'marketing_spend',
  key: ['spend_date', 'channel'],
  eventTime: 'spend_date',
  schema: z.object({
    spend_date: column.date(),
    channel: column.id(),
    amount: column.numeric(18, 2, { min: 0 }),
  }),
});

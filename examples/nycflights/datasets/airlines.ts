import { column, defineDataset, z } from 'strata';

export const airlines = defineDataset({
  name: 'airlines',
  key: ['carrier'],
  schema: z.object({
    carrier: column.id(),
    name: column.text(),
  }),
});

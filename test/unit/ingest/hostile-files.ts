import { z } from 'zod/v4';
import { column } from '../../../src/domain/columns/column';
import { defineDataset } from '../../../src/domain/dataset';

/** A small contract for files that mean no good. */
export const hostileDataset = defineDataset({
  name: 'oddities',
  key: ['id'],
  schema: z.object({
    id: column.id(),
    name: column.text({ nullable: true }),
    amount: column.numeric(18, 2),
  }),
});

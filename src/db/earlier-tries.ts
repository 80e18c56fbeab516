import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { EarlierTries } from '../domain/inbox-pause';
import { sql } from './sql';

const Row = z.object({ workflowId: z.string(), tries: z.number(), secondsAgo: z.number() });

/** How often the workflows of these ids have brought a batch to its end, and how long ago the last one ended. */
export const earlierTries = async (
  db: CommonQueryMethods,
  workflowIds: readonly string[],
): Promise<ReadonlyMap<string, EarlierTries>> => {
  if (workflowIds.length === 0) return new Map();
  const rows = await db.any(sql.type(Row)`
    select workflow_id as "workflowId", count(*)::int as tries,
      extract(epoch from clock_timestamp() - max(finished_at))::float8 as "secondsAgo"
    from ops.batch
    where workflow_id = any(${sql.array([...workflowIds], 'text')}) and finished_at is not null
    group by workflow_id
  `);
  return new Map(rows.map(({ workflowId, ...tries }) => [workflowId, tries]));
};

import { getClient } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { openConditions } from '../db/incidents';
import { resumeNodes } from '../db/suspensions';
import type { Logger } from '../observability/logger';
import { reviewAlerts } from '../temporal/signal-alerter';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';

export interface CoordinatorActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly logger: Logger;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

export const createCoordinatorActivities = ({
  pool,
  warehouse,
  logger,
  searchAttributes,
  guard,
}: CoordinatorActivityDeps): Pick<Activities, 'describeWorker' | 'resumeNodes'> => ({
  describeWorker: () => guard(() => Promise.resolve({ searchAttributes })),

  resumeNodes: ({ nodes, actor }) =>
    guard(async () => {
      const by = actor ?? `workflow ${thisWorkflow().workflowId}`;
      const resumed = await resumeNodes(pool, { nodes, actor: by });
      const subjects = resumed.map(({ nodeId }) => ({ kind: 'suspended', subject: nodeId }) as const);
      // The alerter sees it at its next turn at the latest.
      if ((await openConditions(pool, subjects)).length > 0)
        await reviewAlerts(getClient(), warehouse).catch((error: unknown) =>
          logger.warn({ why: String(error) }, 'the alerter was not told that nodes were resumed'),
        );
      return { resumed };
    }),
});

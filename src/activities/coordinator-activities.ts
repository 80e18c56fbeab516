import type { DatabasePool } from 'slonik';
import { resumeNodes } from '../db/suspensions';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';

export interface CoordinatorActivityDeps {
  readonly pool: DatabasePool;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

export const createCoordinatorActivities = ({
  pool,
  searchAttributes,
  guard,
}: CoordinatorActivityDeps): Pick<Activities, 'describeWorker' | 'resumeNodes'> => ({
  describeWorker: () => guard(() => Promise.resolve({ searchAttributes })),

  resumeNodes: ({ nodes, actor }) =>
    guard(async () => ({
      resumed: await resumeNodes(pool, { nodes, actor: actor ?? `workflow ${thisWorkflow().workflowId}` }),
    })),
});

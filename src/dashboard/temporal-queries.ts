import { pipelineWorkflowId, QUERY } from '../wire/names';
import type { PipelinePlan } from '../wire/pipeline';
import type { TransformPlan } from '../wire/transform';
import type { DashboardDeps } from './deps';

/** Without a worker a query is never answered: the page goes on without. */
const QUERY_TIMEOUT_MS = 2_000;

type Asked = Pick<DashboardDeps, 'client' | 'warehouse' | 'logger'>;

const ask = async <T>(
  { client, logger }: Asked,
  workflowId: string,
  query: string,
): Promise<T | undefined> => {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      client.workflow.getHandle(workflowId).query<T>(query),
    );
  } catch (error) {
    logger.debug({ err: error, workflowId, query }, 'no answer to a query');
    return undefined;
  }
};

/** What the coordinator is about; undefined: there is none, or no worker that could say. */
export const pipelinePlan = (deps: Asked): Promise<PipelinePlan | undefined> =>
  ask(deps, pipelineWorkflowId(deps.warehouse), QUERY.plan);

/** The nodes of a run, those that wait among them; undefined: not planned yet, or no worker that could say. */
export const runPlan = async (deps: Asked, workflowId: string): Promise<TransformPlan | undefined> =>
  (await ask<TransformPlan | null>(deps, workflowId, QUERY.plan)) ?? undefined;

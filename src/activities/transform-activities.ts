import { Context } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import type { ArchiveDeps } from '../archive';
import { planRun } from '../db/plan-run';
import { runNode } from '../db/run-node';
import { finishRun } from '../db/runs';
import { sweepShadows } from '../db/sweep-shadows';
import { verifyNode } from '../db/verify-node';
import { checkDatabaseUuid } from '../db/warehouse';
import { isOpen } from './closed-as';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';
import type { Projects } from './projects';
import { withArchives } from './with-archives';

export interface TransformActivityDeps {
  readonly pool: DatabasePool;
  /** Makes the bronze relations that models read. */
  readonly bronzePool: DatabasePool;
  /** Brings back what a model needs of archived months. */
  readonly archives: ArchiveDeps;
  readonly warehouse: string;
  readonly projects: Projects;
  readonly threads: number;
  readonly retries: number;
  readonly retryIntervalMs: number;
  readonly suspendAfter: number;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

type TransformActivities = Pick<Activities, 'planRun' | 'runNode' | 'verifyNode' | 'finishRun'>;

export const createTransformActivities = (deps: TransformActivityDeps): TransformActivities => {
  const { pool, warehouse, projects, threads, retries, retryIntervalMs, searchAttributes, guard } = deps;
  return {
    planRun: (transform) =>
      guard(async () => {
        const { workflowId, workflowRunId: runId } = thisWorkflow();
        if (transform.command === 'verify') await sweepShadows(pool, isOpen);
        const planHash = transform.planHash ?? (await projects.storePlan());
        const planned = await planRun(
          { pool, bronzePool: deps.bronzePool },
          { runId, workflowId, planHash, transform },
        );
        return {
          runId,
          warehouse,
          command: transform.command ?? 'run',
          fullRefresh: transform.fullRefresh ?? false,
          threads: transform.threads ?? threads,
          retries: transform.retries ?? retries,
          retryIntervalMs: transform.retryIntervalMs ?? retryIntervalMs,
          searchAttributes,
          ...planned,
        };
      }),

    runNode: (input) =>
      guard(
        async (signal) => {
          await checkDatabaseUuid(pool, input.databaseUuid);
          const delivery = {
            execution: thisWorkflow().workflowRunId,
            number: Context.current().info.attempt,
          };
          return withArchives(deps.archives, signal, () =>
            runNode({ pool, warehouse }, { ...input, signal, delivery }),
          );
        },
        {
          countedByWorkflow: true,
          progress: () => ({ nodeId: input.nodeId, attempt: input.attempt }),
        },
      ),

    verifyNode: (input) =>
      guard(
        async (signal) => {
          await checkDatabaseUuid(pool, input.databaseUuid);
          return withArchives(deps.archives, signal, () =>
            verifyNode({ pool, warehouse }, { ...input, signal }),
          );
        },
        {
          countedByWorkflow: true,
          progress: () => ({ nodeId: input.nodeId, attempt: input.attempt }),
        },
      ),

    finishRun: (input) =>
      guard(async () => {
        await checkDatabaseUuid(pool, input.databaseUuid);
        return finishRun({ pool, isOpen, suspendAfter: deps.suspendAfter }, input);
      }),
  };
};

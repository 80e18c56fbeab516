import { Context, getClient } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { checkDatabaseUuid, databaseUuid } from '../db/warehouse';
import type { FileSources } from '../ingest';
import * as ingest from '../ingest';
import { pipelineWorkflowId, SIGNAL, WORKFLOW } from '../wire/names';
import type { BatchLoaded } from '../wire/pipeline';
import type { Activities } from './contract';
import type { Guard } from './guard';
import type { Projects } from './projects';
import { signalWithStart } from '../temporal/signal-with-start';

export interface IngestActivityDeps {
  readonly pool: DatabasePool;
  readonly databaseUrl: string;
  readonly warehouse: string;
  readonly projects: Projects;
  readonly files: FileSources;
  readonly maxFieldBytes: number;
  readonly maxContentBytes?: number | undefined;
  /** For tests: content of a chunk. */
  readonly chunkBytes?: number | undefined;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

type IngestActivities = Pick<
  Activities,
  'acceptBatch' | 'loadFile' | 'publishBatch' | 'failBatch' | 'notifyPipeline'
>;

/** The workflow that this activity belongs to. */
export const thisWorkflow = (): { workflowId: string; workflowRunId: string } => {
  const { workflowExecution } = Context.current().info;
  return { workflowId: workflowExecution?.workflowId ?? '', workflowRunId: workflowExecution?.runId ?? '' };
};

const signalPipeline = (warehouse: string, signal: BatchLoaded): Promise<void> =>
  signalWithStart(
    getClient(),
    {
      type: WORKFLOW.pipeline,
      workflowId: pipelineWorkflowId(warehouse),
      summary: `Coordinator of warehouse ${warehouse}`,
    },
    {
      warehouse,
      signal: SIGNAL.batchLoaded,
      argument: signal,
      problem: `The coordinator could not be told of batch ${signal.batchId}`,
    },
  );

export const createIngestActivities = (deps: IngestActivityDeps): IngestActivities => {
  const { pool, databaseUrl, warehouse, projects, searchAttributes, guard } = deps;
  const { files, maxFieldBytes, maxContentBytes, chunkBytes, lookEveryMs } = deps;
  return {
    acceptBatch: (input) =>
      guard(async () => {
        const datasets = [await projects.dataset(input.dataset, input.projectDir)];
        const accepted = await ingest.acceptBatch({ pool, datasets, files }, { ...input, ...thisWorkflow() });
        return {
          batchId: accepted.batchId,
          databaseUuid: await databaseUuid(pool),
          warehouse,
          searchAttributes,
        };
      }),

    loadFile: (input) => {
      let progress: unknown;
      return guard(
        async (signal) => {
          await checkDatabaseUuid(pool, input.databaseUuid);
          const dataset = await projects.dataset(input.dataset, input.projectDir);
          return ingest.loadFile(
            { pool, databaseUrl, dataset, maxFieldBytes, maxContentBytes, chunkBytes, lookEveryMs, files },
            {
              batchId: input.batchId,
              execution: thisWorkflow().workflowRunId,
              within: input.within,
              signal,
              onProgress: (p) => (progress = p),
            },
          );
        },
        { progress: () => progress },
      );
    },

    publishBatch: (input) =>
      guard(async () => {
        await checkDatabaseUuid(pool, input.databaseUuid);
        const dataset = await projects.dataset(input.dataset, input.projectDir);
        const result = await ingest.publishBatch({ pool, dataset }, { batchId: input.batchId });
        return { ...result, conditions: await ingest.batchConditions({ pool, dataset }, result) };
      }),

    failBatch: ({ batchId, databaseUuid: expected, errorCode, error }) =>
      guard(async () => {
        await checkDatabaseUuid(pool, expected);
        await ingest.failBatch({ pool }, { batchId, errorCode, error });
      }),

    notifyPipeline: ({ batchId, dataset, databaseUuid: expected, planHash, projectDir, priority }) =>
      guard(async () => {
        await checkDatabaseUuid(pool, expected);
        const plan =
          planHash ?? (projectDir === undefined ? undefined : await projects.storePlan(projectDir));
        await signalPipeline(warehouse, {
          batchId,
          dataset,
          databaseUuid: expected,
          planHash: plan,
          ...(priority === undefined ? {} : { priority }),
        });
      }),
  };
};

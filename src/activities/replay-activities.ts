import type { DatabasePool } from 'slonik';
import { getReplay, requestReplay, setReplayWorkflow } from '../db/dead-letter-replays';
import { checkDatabaseUuid, databaseUuid } from '../db/warehouse';
import * as ingest from '../ingest';
import type { ReplayInput } from '../wire/replay';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';
import type { Projects } from './projects';

export interface ReplayActivityDeps {
  readonly pool: DatabasePool;
  readonly databaseUrl: string;
  readonly warehouse: string;
  readonly projects: Projects;
  readonly maxFieldBytes: number;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

type ReplayActivities = Pick<Activities, 'requestReplay' | 'loadReplay' | 'publishReplay' | 'failReplay'>;

/** The replay that a command has entered, or one for this workflow run. */
const replayOf = async ({ pool, projects }: ReplayActivityDeps, input: ReplayInput) => {
  const { dataset, replayId, projectDir, actor, reason, ids, batchId, code, since, until } = input;
  const workflow = thisWorkflow();
  if (replayId !== undefined) {
    await setReplayWorkflow(pool, replayId, workflow.workflowId);
    return getReplay(pool, replayId);
  }
  const { name } = await projects.dataset(dataset ?? '', projectDir);
  const filter = { ids, batchId, code, since, until };
  return pool.transaction((transaction) =>
    requestReplay(transaction, {
      dataset: name,
      filter,
      actor: actor ?? `workflow ${workflow.workflowId}`,
      reason,
      workflow,
    }),
  );
};

export const createReplayActivities = (deps: ReplayActivityDeps): ReplayActivities => {
  const { pool, databaseUrl, warehouse, projects, maxFieldBytes, searchAttributes, guard } = deps;
  return {
    requestReplay: (input) =>
      guard(async () => {
        const { replay_id: replayId, dataset, letters } = await replayOf(deps, input);
        return {
          replayId,
          dataset,
          letters,
          databaseUuid: await databaseUuid(pool),
          warehouse,
          searchAttributes,
        };
      }),

    loadReplay: (input) => {
      let progress: unknown;
      return guard(
        async (signal) => {
          await checkDatabaseUuid(pool, input.databaseUuid);
          const dataset = await projects.dataset(input.dataset, input.projectDir);
          await ingest.loadReplay(
            { pool, databaseUrl, dataset, maxFieldBytes, lookEveryMs: deps.lookEveryMs },
            { replayId: input.replayId, signal, onProgress: (p) => (progress = p) },
          );
        },
        { progress: () => progress },
      );
    },

    publishReplay: ({ replayId, databaseUuid: expected }) =>
      guard(async () => {
        await checkDatabaseUuid(pool, expected);
        return ingest.publishReplay({ pool }, { replayId, workflowId: thisWorkflow().workflowId });
      }),

    failReplay: ({ replayId, databaseUuid: expected, errorCode, error }) =>
      guard(async () => {
        await checkDatabaseUuid(pool, expected);
        await ingest.failReplay({ pool }, { replayId, errorCode, error });
      }),
  };
};

import type { DatabasePool } from 'slonik';
import { type CheckedFreshness, checkFreshness } from '../db/check-freshness';
import { openConditions } from '../db/incidents';
import { loadPlan } from '../db/plans';
import { databaseUuid } from '../db/warehouse';
import { freshnessFindings } from '../domain/freshness-findings';
import { toTell } from '../domain/run-findings';
import type { Condition } from '../wire/alerts';
import type { Activities } from './contract';
import type { Guard } from './guard';
import { thisWorkflow } from './ingest-activities';
import type { Projects } from './projects';

export interface FreshnessActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly projects: Projects;
  readonly searchAttributes: boolean;
  readonly guard: Guard;
}

/** What to tell the alerter: what is stale, and what is right again. */
const conditionsOf = async (
  pool: DatabasePool,
  { checkId, sources }: CheckedFreshness,
  schedule: string | undefined,
): Promise<Condition[]> => {
  const findings = freshnessFindings(checkId, sources, schedule);
  return toTell(findings, await openConditions(pool, findings.right), {});
};

export const createFreshnessActivities = ({
  pool,
  warehouse,
  projects,
  searchAttributes,
  guard,
}: FreshnessActivityDeps): Pick<Activities, 'checkFreshness'> => ({
  checkFreshness: ({ planHash, projectDir, schedule, ...request }) =>
    guard(async () => {
      const manifest = await loadPlan(pool, planHash ?? (await projects.storePlan(projectDir)));
      const checkId = thisWorkflow().workflowRunId;
      const checked = await checkFreshness(pool, { ...request, checkId, manifest });
      const isLive = request.asOf === undefined;
      const conditions = isLive ? await conditionsOf(pool, checked, schedule) : [];
      return {
        ...checked,
        ...{ isLive, conditions, warehouse, searchAttributes },
        databaseUuid: await databaseUuid(pool),
      };
    }),
});

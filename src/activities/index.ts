import type { DatabasePool } from 'slonik';
import type { PartConnection } from '../db/acting-role';
import type { ArchiveDeps } from '../archive';
import { createFileSources, createS3Access } from '../ingest';
import type { Logger } from '../observability/logger';
import { type AlertOptions, createAlertActivities } from './alert-activities';
import { createArchiveActivities } from './archive-activities';
import type { Activities } from './contract';
import { createCoordinatorActivities } from './coordinator-activities';
import { createFreshnessActivities } from './freshness-activities';
import { createGuard } from './guard';
import { createInboxActivities } from './inbox-activities';
import { createIngestActivities } from './ingest-activities';
import { createMaintenanceActivities } from './maintenance-activities';
import { createProjects } from './projects';
import { createReplayActivities } from './replay-activities';
import { createScheduleActivities } from './schedule-activities';
import { createTransformActivities } from './transform-activities';

export type { Activities } from './contract';

export interface ActivityDeps {
  /** Acts as the login role. */
  readonly pool: DatabasePool;
  /** Default: as `pool`. */
  readonly loader?: PartConnection;
  /** Default: as `pool`. */
  readonly transformer?: PartConnection;
  readonly databaseUrl: string;
  readonly warehouse: string;
  readonly projectDir: string;
  readonly projectRoots?: readonly string[] | undefined;
  readonly fileRoots?: readonly string[] | undefined;
  readonly urlHosts?: readonly string[] | undefined;
  readonly s3PathStyle?: boolean | undefined;
  /** What this worker's host is called in the names of task queues. */
  readonly host: string;
  readonly inbox?: string | undefined;
  readonly inboxSettleMs: number;
  /** Where months past their retention go: a folder or `s3://bucket/prefix`. */
  readonly archive?: string | undefined;
  readonly maxFieldBytes: number;
  readonly maxContentBytes?: number | undefined;
  /** For tests: content of a chunk. */
  readonly chunkBytes?: number | undefined;
  /** For tests: how often it is looked whether a connection is lost. */
  readonly lookEveryMs?: number | undefined;
  readonly threads: number;
  readonly retries: number;
  readonly retryIntervalMs: number;
  /** A model that failed alike in so many runs in a row is suspended; 0: never. */
  readonly suspendAfter: number;
  /** Results of runs, checks and alerts are kept for so long; 0: for ever. */
  readonly historyDays: number;
  /** Whether the custom search attributes are registered in the namespace. */
  readonly searchAttributes: boolean;
  /** Who is told when something is wrong. */
  readonly alerts: AlertOptions;
  readonly logger: Logger;
}

/** The activities of one worker. They hold no state that matters: any worker can take over at any moment. */
export const createActivities = (deps: ActivityDeps): Activities => {
  const guard = createGuard(deps.logger);
  const projects = createProjects({ ...deps, ...deps.transformer });
  // The inbox may be read too: whoever has configured it has said so.
  const fileRoots = deps.inbox === undefined ? deps.fileRoots : deps.fileRoots?.concat(deps.inbox);
  const files = createFileSources({ ...deps, fileRoots, pathStyle: deps.s3PathStyle });
  const archives: ArchiveDeps = {
    pool: deps.transformer?.pool ?? deps.pool,
    s3: createS3Access({ pathStyle: deps.s3PathStyle }),
    archive: deps.archive,
  };
  return {
    ...createIngestActivities({ ...deps, ...deps.loader, projects, files, guard }),
    ...createFreshnessActivities({ ...deps, ...deps.transformer, projects, guard }),
    ...createInboxActivities({ ...deps, pool: deps.loader?.pool ?? deps.pool, projects, guard }),
    ...createReplayActivities({ ...deps, ...deps.loader, projects, guard }),
    ...createCoordinatorActivities({ ...deps, ...deps.transformer, guard }),
    ...createTransformActivities({
      ...deps,
      ...deps.transformer,
      bronzePool: deps.loader?.pool ?? deps.pool,
      archives,
      projects,
      guard,
    }),
    ...createArchiveActivities({ pool: archives.pool, archives, projects, guard }),
    ...createMaintenanceActivities({
      ...deps,
      loaderPool: deps.loader?.pool ?? deps.pool,
      transformerPool: deps.transformer?.pool ?? deps.pool,
      projects,
      guard,
    }),
    ...createScheduleActivities({ ...deps, guard }),
    ...createAlertActivities({ ...deps, ...deps.transformer, guard }),
  };
};

/** Those that touch files of one host: the workers of a host take them from its own queue, too. */
export const fileActivitiesOf = ({
  loadFile,
  scanInbox,
  settleInboxFile,
}: Activities): Pick<Activities, 'loadFile' | 'scanInbox' | 'settleInboxFile'> => ({
  loadFile,
  scanInbox,
  settleInboxFile,
});

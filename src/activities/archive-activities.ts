import { Context } from '@temporalio/activity';
import type { DatabasePool } from 'slonik';
import { type ArchiveDeps, archiveStep } from '../archive';
import { archiveCandidates, cursorOf, readersOf } from '../db/archive-candidates';
import type { ArchiveState } from '../db/partition-archives';
import { loadPlan } from '../db/plans';
import { relationKey } from '../db/relations';
import type { ErrorCode } from '../domain/errors';
import type { ArchivedPartition } from '../wire/archive';
import type { Activities } from './contract';
import { judge } from './failures';
import type { Guard } from './guard';
import type { Projects } from './projects';

export interface ArchiveActivityDeps {
  readonly pool: DatabasePool;
  readonly archives: ArchiveDeps;
  readonly projects: Projects;
  readonly guard: Guard;
}

/** A file that is written anew because its month was changed by hand, and so on: then the next time. */
const MAX_STEPS = 12;

/** A failure that is tried again is tried so often; then the other months go on without this one. */
const MAX_TRIES = 5;

/** It is the same for whatever is archived: no month is taken out to find that again. */
const OF_ALL: ReadonlySet<string> = new Set<ErrorCode>([
  'ARCHIVE_UNSET',
  'SOURCE_DENIED',
  'DATABASE_REPLACED',
]);

type Outcome = Pick<ArchivedPartition, 'state' | 'code' | 'problem'>;

/** What fails for good for one model or month keeps no other from being archived. Throws what the guard is to judge. */
const contained = async (signal: AbortSignal, work: () => Promise<Outcome>): Promise<Outcome> => {
  try {
    return await work();
  } catch (error) {
    const { type, message, retry } = judge(error, { countedByWorkflow: false });
    const isFinal = retry === 'final' || (retry === 'bounded' && Context.current().info.attempt >= MAX_TRIES);
    if (signal.aborted || !isFinal || OF_ALL.has(type)) throw error;
    return { state: 'refused', code: type, problem: message };
  }
};

/** Steps on until it is archived, or somebody is in the way. */
const archiveOne = async (
  archives: ArchiveDeps,
  request: Parameters<typeof archiveStep>[1],
): Promise<Outcome> => {
  let state: ArchiveState = 'detaching';
  for (let steps = 0; steps < MAX_STEPS && state !== 'archived' && state !== 'restored'; steps += 1) {
    const before: ArchiveState = state;
    state = await archiveStep(archives, request);
    if (state === 'detaching' && before === state) break;
  }
  return { state: state === 'archived' ? 'archived' : 'waiting' };
};

export const createArchiveActivities = ({
  pool,
  archives,
  projects,
  guard,
}: ArchiveActivityDeps): Pick<Activities, 'archiveNext'> => ({
  archiveNext: ({ after, ...scope }) =>
    guard(async (signal) => {
      const manifest = await loadPlan(pool, await projects.storePlan());
      const today = new Date().toISOString().slice(0, 10);
      const left = (await archiveCandidates(pool, manifest, { ...scope, today })).filter(
        (candidate) => after === undefined || cursorOf(candidate) > after,
      );
      const [first] = left;
      if (!first) return {};
      const { model, ...months } = first;
      const outcome = await contained(signal, async () => {
        const readers = await readersOf(pool, manifest, model);
        return archiveOne(archives, { relation: model.relation, ...months, readers, signal });
      });
      const alike =
        outcome.code === 'ARCHIVE_REFUSED'
          ? left.slice(1).filter((other) => other.model.id === model.id)
          : [];
      const last = alike.at(-1) ?? first;
      return {
        done: { relation: relationKey(model.relation), partition: months.partition, ...outcome },
        ...(alike.length > 0 ? { alike: alike.map(({ partition }) => partition) } : {}),
        ...(left.length > 1 + alike.length ? { next: cursorOf(last) } : {}),
      };
    }),
});

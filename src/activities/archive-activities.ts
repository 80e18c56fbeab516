import type { DatabasePool } from 'slonik';
import { type ArchiveDeps, archiveStep } from '../archive';
import { archiveCandidates, cursorOf, readersOf } from '../db/archive-candidates';
import type { ArchiveState } from '../db/partition-archives';
import { loadPlan } from '../db/plans';
import { relationKey } from '../db/relations';
import { isStrataError } from '../domain/errors';
import type { ArchivedPartition } from '../wire/archive';
import type { Activities } from './contract';
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

/** Steps on until it is archived, or somebody is in the way. What can't be archived keeps no other month from it. */
const archiveOne = async (
  archives: ArchiveDeps,
  request: Parameters<typeof archiveStep>[1],
): Promise<Pick<ArchivedPartition, 'state' | 'problem'>> => {
  let state: ArchiveState = 'detaching';
  try {
    for (let steps = 0; steps < MAX_STEPS && state !== 'archived' && state !== 'restored'; steps += 1) {
      const before: ArchiveState = state;
      state = await archiveStep(archives, request);
      if (state === 'detaching' && before === state) break;
    }
  } catch (error) {
    if (!isStrataError(error) || error.code !== 'ARCHIVE_UNFIT') throw error;
    return { state: 'refused', problem: error.message };
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
      const readers = await readersOf(pool, manifest, model);
      const done = await archiveOne(archives, { relation: model.relation, ...months, readers, signal });
      return {
        done: { relation: relationKey(model.relation), partition: months.partition, ...done },
        ...(left.length > 1 ? { next: cursorOf(first) } : {}),
      };
    }),
});

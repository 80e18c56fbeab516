import type { DatabasePool } from 'slonik';
import { type ArchiveDeps, archiveStep } from '../archive';
import { archiveCandidates, cursorOf, readersOf } from '../db/archive-candidates';
import type { ArchiveState } from '../db/partition-archives';
import { loadPlan } from '../db/plans';
import { relationKey } from '../db/relations';
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
      let state: ArchiveState = 'detaching';
      for (let steps = 0; steps < MAX_STEPS && state !== 'archived' && state !== 'restored'; steps += 1) {
        const before: ArchiveState = state;
        state = await archiveStep(archives, { relation: model.relation, ...months, readers, signal });
        if (state === 'detaching' && before === state) break;
      }
      return {
        done: {
          relation: relationKey(model.relation),
          partition: months.partition,
          state: state === 'archived' ? 'archived' : 'waiting',
        },
        ...(left.length > 1 ? { next: cursorOf(first) } : {}),
      };
    }),
});

import { type ArchiveDeps, restorePartitions } from '../archive';
import { ArchivedMonthsNeeded } from '../db/partition-archives';

/** A model has so many parents with archives at most, and needs months of its own besides. */
const MAX_ROUNDS = 20;

/** Does work that may find that it needs archived months: brings them back, and does it again. */
export const withArchives = async <T>(
  deps: Pick<ArchiveDeps, 'pool' | 's3'>,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> => {
  for (let round = 0; ; round += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ArchivedMonthsNeeded) || round >= MAX_ROUNDS) throw error;
      await restorePartitions(deps, { ...error, signal });
    }
  }
};

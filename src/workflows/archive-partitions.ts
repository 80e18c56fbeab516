import { PRIORITY } from '../domain/priority';
import {
  type ArchivedPartition,
  ArchivePartitionsInput,
  type ArchivePartitionsResult,
} from '../wire/archive';
import { archiveNext } from './activity-options';
import { ownPriority } from './own-priority';
import { parseInput } from './parse-input';
import { tellOfFailure } from './tell-of-failure';

/** A history of some thousand events at most; what is left then is the next one's. */
const MAX_PARTITIONS = 200;

/** Archives the partitions that are older than their retention, one after the other. */
export async function archivePartitions(rawInput?: unknown): Promise<ArchivePartitionsResult> {
  return tellOfFailure(async () => {
    const input = parseInput(ArchivePartitionsInput, rawInput ?? {}, 'input of workflow archivePartitions');
    const partitions: ArchivedPartition[] = [];
    let after: string | undefined;
    for (let looks = 0; looks < MAX_PARTITIONS; looks += 1) {
      const { done, next } = await archiveNext.executeWithOptions({ priority: ownPriority(PRIORITY.spare) }, [
        { ...input, ...(after === undefined ? {} : { after }) },
      ]);
      if (done) partitions.push(done);
      if (next === undefined) return { partitions, more: false };
      after = next;
    }
    return { partitions, more: true };
  });
}

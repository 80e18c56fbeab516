import { PRIORITY } from '../domain/priority';
import { asRight, succeededWorkflow } from '../domain/workflow-findings';
import {
  type ArchivedPartition,
  ArchivePartitionsInput,
  type ArchivePartitionsResult,
} from '../wire/archive';
import { archiveNext } from './activity-options';
import { ownPriority } from './own-priority';
import { catalogueFailure, parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { thisWork } from './scheduled-start';
import { tellOfFailure } from './tell-of-failure';

/** A history of some thousand events at most; what is left then is the next one's. */
const MAX_PARTITIONS = 200;
const MAX_NAMED = 3;

/**
 * Archives the partitions that are older than their retention, one after the other. Fails in the end with
 * ARCHIVE_UNFIT where some could not be; all others are archived by then.
 */
export async function archivePartitions(rawInput?: unknown): Promise<ArchivePartitionsResult> {
  return tellOfFailure(async () => {
    const input = parseInput(ArchivePartitionsInput, rawInput ?? {}, 'input of workflow archivePartitions');
    const result = await archiveAll(input);
    failForRefused(result);
    await raiseAlerts(asRight(succeededWorkflow(thisWork())));
    return result;
  });
}

const archiveAll = async (input: ArchivePartitionsInput): Promise<ArchivePartitionsResult> => {
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
};

/** The failure carries the result; its message names the first ones. */
const failForRefused = (result: ArchivePartitionsResult): void => {
  const problems = result.partitions.flatMap(({ problem }) => problem ?? []);
  if (problems.length === 0) return;
  const named = problems.slice(0, MAX_NAMED).join('; ');
  const more = problems.length > MAX_NAMED ? `; and ${problems.length - MAX_NAMED} more` : '';
  throw catalogueFailure('ARCHIVE_UNFIT', named + more, [result]);
};

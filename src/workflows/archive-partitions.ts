import { archiveProblems } from '../domain/archive-problems';
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

/**
 * Archives the partitions that are older than their retention, one after the other. Fails in the end with
 * ARCHIVE_INCOMPLETE where some could not be; all others are archived by then.
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
    const {
      done,
      alike = [],
      next,
    } = await archiveNext.executeWithOptions({ priority: ownPriority(PRIORITY.spare) }, [
      { ...input, ...(after === undefined ? {} : { after }) },
    ]);
    if (done) partitions.push(done, ...alike.map((partition) => ({ ...done, partition })));
    if (next === undefined) return { partitions, more: false };
    after = next;
  }
  return { partitions, more: true };
};

/** The failure carries the result; its message names each model, its months, and what to do. */
const failForRefused = (result: ArchivePartitionsResult): void => {
  const problems = archiveProblems(result.partitions);
  if (problems.length > 0) throw catalogueFailure('ARCHIVE_INCOMPLETE', problems.join('; '), [result]);
};

import type { ArchivedPartition } from '../wire/archive';
import { errorCatalogue, isErrorCode } from './errors';

const MAX_PARTITIONS = 12;
const MAX_PROBLEMS = 3;

/** The first of them, and how many more there are. */
const firstOf = (texts: readonly string[], max: number, separator: string): string => {
  const more = texts.length - max;
  return texts.slice(0, max).join(separator) + (more > 0 ? `${separator}and ${more} more` : '');
};

/** What could not be archived, in a text for each model and kind of failure: its partitions, why, and what to do. */
export const archiveProblems = (partitions: readonly ArchivedPartition[]): string[] => {
  const groups = new Map<string, ArchivedPartition[]>();
  for (const partition of partitions) {
    if (partition.problem === undefined) continue;
    const key = `${partition.relation} ${partition.code}`;
    groups.set(key, [...(groups.get(key) ?? []), partition]);
  }
  return [...groups.values()].map((group) => {
    const { relation = '', code } = group[0] ?? {};
    const names = firstOf(
      group.map(({ partition }) => partition),
      MAX_PARTITIONS,
      ', ',
    );
    const problems = [...new Set(group.map(({ problem = '' }) => problem))];
    const remedy = isErrorCode(code) ? ` (${errorCatalogue[code].hint})` : '';
    return `${relation} (${names}): ${code}: ${firstOf(problems, MAX_PROBLEMS, ', ')}${remedy}`;
  });
};

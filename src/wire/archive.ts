import { z } from 'zod/v4';
import { monthText } from './text-formats';

/** Starts workflow `archivePartitions`: the partitions that are older than the retention of their models. */
export const ArchivePartitionsInput = z.strictObject({
  /** Only of this model, by its name. */
  model: z.string().min(1).optional(),
  /** Of that model: what lies before this month, `YYYY-MM`, whatever its retention. */
  before: monthText.optional(),
});
export type ArchivePartitionsInput = z.infer<typeof ArchivePartitionsInput>;

export interface ArchiveNextInput extends ArchivePartitionsInput {
  /** The partition that was looked at last. */
  after?: string | undefined;
}

export interface ArchivedPartition {
  relation: string;
  partition: string;
  /**
   * `waiting`: somebody reads it, or has not consumed its changes yet; the next time is another try. `refused`: it can't
   * be archived; the others are all the same.
   */
  state: 'archived' | 'waiting' | 'refused';
  /** Why it is refused: a code of the catalogue, or UNEXPECTED, and what is wrong. */
  code?: string | undefined;
  problem?: string | undefined;
}

/** What one look came to; without a partition there is none left. */
export interface ArchiveNextResult {
  done?: ArchivedPartition | undefined;
  /** The other partitions of its relation that are due, where the whole model is refused. */
  alike?: string[] | undefined;
  /** Where the next look goes on. */
  next?: string | undefined;
}

export interface ArchivePartitionsResult {
  partitions: ArchivedPartition[];
  /** Whether there are more, which the next run archives. */
  more: boolean;
}

/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { isWithin } from '../compiler/materializations/partitions';
import { StrataError } from '../domain/errors';
import type { CommandContext, CommonOptions } from './context';
import { withDatabase } from './session';

export interface PartitionsRestoreOptions extends CommonOptions {
  readonly model: string;
  readonly months: readonly string[];
}

/** `strata partitions restore` */
export const partitionsRestoreCommand = (
  context: CommandContext,
  { model, months }: PartitionsRestoreOptions,
): Promise<number> =>
  withDatabase(context, { role: 'partitions restore', as: 'transformer' }, async ({ pool, config }) => {
    const { partitionedRelations } = require('../db/partition-list') as typeof import('../db/partition-list');
    const { archivesOf } = require('../db/partition-archives') as typeof import('../db/partition-archives');
    const { restorePartitions } = require('../archive') as typeof import('../archive');
    const { createS3Access } = require('../ingest') as typeof import('../ingest');
    const { output, signal } = context;
    const [relation] = await partitionedRelations(pool, model);
    if (!relation)
      throw new StrataError('PARTITIONS_NONE', `${model} is no partitioned relation that a run has built`);
    const archives = await archivesOf(pool, relation);
    const partitions = months.map((month) => {
      const archive = archives.find((one) => isWithin(`${month}-01`, one));
      if (archive) return archive.partition;
      throw new StrataError('PARTITIONS_NONE', `${relation.relation} has no archive of ${month}`);
    });
    const s3 = createS3Access({ pathStyle: config.s3PathStyle });
    const restored = await restorePartitions(
      { pool, s3 },
      { relation, partitions: [...new Set(partitions)], signal },
    );
    output.document({ relation: relation.relation, restored });
    for (const partition of restored) output.line(`${partition} is back`);
    return 0;
  });

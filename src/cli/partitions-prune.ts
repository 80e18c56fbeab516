/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { StrataError } from '../domain/errors';
import type { CommandContext, CommonOptions } from './context';
import { withDatabase } from './session';

export interface PartitionsPruneOptions extends CommonOptions {
  readonly model?: string;
}

/** `strata partitions prune` */
export const partitionsPruneCommand = (
  context: CommandContext,
  { model }: PartitionsPruneOptions,
): Promise<number> =>
  withDatabase(context, { role: 'partitions prune', as: 'transformer' }, async ({ pool, config }) => {
    const { partitionedRelations } = require('../db/partition-list') as typeof import('../db/partition-list');
    const { pruneArchives } = require('../archive') as typeof import('../archive');
    const { createS3Access } = require('../ingest') as typeof import('../ingest');
    const { output, signal } = context;
    const relations = await partitionedRelations(pool, model);
    if (model !== undefined && relations.length === 0)
      throw new StrataError('PARTITIONS_NONE', `${model} is no partitioned relation that a run has built`);
    const s3 = createS3Access({ pathStyle: config.s3PathStyle });
    const removed: string[] = [];
    for (const relation of relations)
      removed.push(...(await pruneArchives({ pool, s3 }, { relation, signal })));
    output.document({ removed });
    for (const location of removed) output.line(`${location} is deleted`);
    if (removed.length === 0) output.line('no file to delete');
    return 0;
  });

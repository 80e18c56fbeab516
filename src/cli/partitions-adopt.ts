import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import type { CommandContext, CommonOptions } from './context';
import { compileProjectDir } from './project-plan';
import { withDatabase } from './session';

export interface PartitionsAdoptOptions extends CommonOptions {
  readonly model: string;
}

/** `strata partitions adopt` */
export const partitionsAdoptCommand = (
  context: CommandContext,
  { model: name }: PartitionsAdoptOptions,
): Promise<number> =>
  withDatabase(context, { role: 'partitions adopt', as: 'transformer' }, async ({ pool, config }) => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
    const { adoptPartitions } = require('../db/adopt-partitions') as typeof import('../db/adopt-partitions');
    const { output, signal } = context;
    const { nodes } = await compileProjectDir(config.projectDir);
    const model = Object.values(nodes).find((node) => node.kind === 'model' && node.name === name);
    if (model?.kind !== 'model') throw new StrataError('ADOPT_REFUSED', `The project has no model ${name}`);
    const result = await adoptPartitions(pool, { model, signal });
    output.document(result);
    output.line(
      result.state === 'already'
        ? `${result.relation} is partitioned already`
        : `${result.relation} is partitioned: ${countOf(result.rows, 'row')}`,
    );
    return 0;
  });

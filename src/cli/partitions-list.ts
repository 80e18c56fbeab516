import type { PartitionItem } from '../db/partition-list';
import { StrataError } from '../domain/errors';
import type { CommandContext, CommonOptions } from './context';
import { withDatabase } from './session';
import { tableLines } from './table';

export interface PartitionsListOptions extends CommonOptions {
  readonly model?: string;
  readonly exact?: boolean;
}

/** `2024-01`; of a century `1800 to 1899`. */
const periodOf = ({ from, to }: PartitionItem): string => {
  if (from === null || to === null) return '';
  const [first, after] = [from, to].map((month) => Number(month.split('-')[0])) as [number, number];
  return after - first > 1 ? `${first} to ${after - 1}` : from.slice(0, from.lastIndexOf('-'));
};

const partitionLines = (items: readonly PartitionItem[]): string[] =>
  tableLines(
    ['model', 'partition', 'period', 'state', 'rows', 'bytes', 'last change'],
    items.map((item) => [
      ...[item.model, item.partition, periodOf(item), item.state, item.rows, item.bytes],
      item.changedAt?.replace('T', ' ').slice(0, 19),
    ]),
  );

/** `strata partitions list` */
export const partitionsListCommand = (
  context: CommandContext,
  { model, exact = false }: PartitionsListOptions,
): Promise<number> =>
  withDatabase(context, { role: 'partitions list', as: 'reader' }, async ({ pool }) => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
    const db = require('../db/partition-list') as typeof import('../db/partition-list');
    const { output } = context;
    const relations = await db.partitionedRelations(pool, model);
    if (model !== undefined && relations.length === 0)
      throw new StrataError('PARTITIONS_NONE', `${model} is no partitioned relation that a run has built`);
    const partitions: PartitionItem[] = [];
    for (const relation of relations)
      partitions.push(...(await db.partitionItems(pool, relation, { exact })));
    output.document({ partitions });
    if (output.json) return 0;
    if (partitions.length === 0) output.line('no model is partitioned');
    else for (const line of partitionLines(partitions)) output.line(line);
    return 0;
  });

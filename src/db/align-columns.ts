import type { CommonQueryMethods } from 'slonik';
import { feedRelation, quoteIdentifier, relationSql } from '../compiler/identifiers';
import { createFeed } from '../compiler/materializations/delta';
import type { TrackedConfig } from '../compiler/materializations/model-config';
import type { RelationName } from '../compiler/manifest';
import { StrataError } from '../domain/errors';
import { describeRelation, RebuildNeeded } from './facts';
import { type BuildInput, type Column, execute } from './stage-model';

/** Thrown inside: the model has columns that all rows of its relation are to be filled in. */
export class BackfillNeeded extends Error {}

export interface AlignInput extends BuildInput {
  readonly staged: readonly Column[];
  /** Whether what is staged are all rows, so that new columns can be filled. */
  readonly backfill: boolean;
}

const hasModifier = (type: string): boolean => type.includes('(');
const baseType = (type: string): string => type.replace(/\([^)]*\)/, '');

/** A column without length or scale takes any of its kind; one with them would cut or round. */
const takes = (target: string, staged: string): boolean =>
  target === staged || (!hasModifier(target) && target === baseType(staged));

const refuseTypes = (label: string, target: readonly Column[], staged: readonly Column[]): void => {
  const changed = staged.flatMap(({ name, type }) => {
    const before = target.find((t) => t.name === name)?.type;
    return before === undefined || takes(before, type) ? [] : [`${name} from ${before} to ${type}`];
  });
  if (changed.length > 0)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: types changed (${changed.join(', ')}); cast, or run it with --full-refresh`,
    );
};

const changeTable = (
  connection: CommonQueryMethods,
  relation: RelationName,
  change: { added: readonly Column[]; removed: readonly Column[] },
): Promise<void> =>
  execute(connection, [
    ...change.added.map(
      (c) => `alter table ${relationSql(relation)} add column ${quoteIdentifier(c.name)} ${c.type}`,
    ),
    ...change.removed.map(
      (c) => `alter table ${relationSql(relation)} drop column ${quoteIdentifier(c.name)}`,
    ),
  ]);

/**
 * The feed gets the columns too: its images of before have NULL there, as the rows had. A feed that doesn't go with
 * the relation otherwise begins anew. Returns whether it does.
 */
const alignFeed = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  columns: readonly string[],
): Promise<boolean> => {
  const feed = await describeRelation(connection, feedRelation(relation));
  if (columns.every((name) => feed.columns.some((c) => c.name === name))) return false;
  await execute(connection, createFeed(relation, relation));
  return true;
};

export interface Aligned {
  /** The columns to be written. */
  readonly columns: readonly string[];
  /** Whether these are all that the relation has: not where it keeps those that a model selects no more. */
  readonly areAllColumns: boolean;
  /** Whether the feed begins anew. */
  readonly newFeed: boolean;
}

/**
 * Brings a relation and its feed to the model's columns, as `on_schema_change` says.
 * @throws MODEL_INVALID; {@link RebuildNeeded}, {@link BackfillNeeded}
 */
export const alignColumns = async (
  connection: CommonQueryMethods,
  { label, relation, staged, backfill }: AlignInput,
  config: TrackedConfig,
): Promise<Aligned> => {
  const target = (await describeRelation(connection, relation)).columns;
  refuseTypes(label, target, staged);
  const added = staged.filter((s) => !target.some((t) => t.name === s.name));
  const removed = target.filter((t) => !staged.some((s) => s.name === t.name));
  const policy = config.on_schema_change;
  const all = target.map((c) => c.name);
  const asItIs: Aligned = { columns: all, areAllColumns: true, newFeed: false };
  if (added.length === 0 && removed.length === 0) return asItIs;
  const change = [...added.map((c) => `+${c.name}`), ...removed.map((c) => `-${c.name}`)].join(', ');
  if (policy === 'fail' || (policy === 'ignore' && removed.length > 0))
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: its columns changed (${change}); run it with --full-refresh`,
    );
  if (policy === 'ignore') return asItIs;
  if (config.materialized !== 'incremental') throw new RebuildNeeded();
  if (config.backfill && added.length > 0 && !backfill) throw new BackfillNeeded();
  const drop = policy === 'sync_all_columns' ? removed : [];
  for (const table of [relation, feedRelation(relation)])
    await changeTable(connection, table, { added, removed: drop });
  const columns = staged.map((c) => c.name);
  const areAllColumns = removed.length === drop.length;
  return { columns, areAllColumns, newFeed: await alignFeed(connection, relation, columns) };
};

import type { z } from 'zod/v4';
import { postgresTypeOf } from './columns/column';
import { StrataError } from './errors';

/** How rows of a dataset say that a thing is gone. */
export interface DatasetDeletes {
  /** The columns that identify a thing; with `effectiveAt` they are the dataset's key. */
  readonly entity: readonly string[];
  /** From when on a row holds: a time or a date. */
  readonly effectiveAt: string;
  /** A boolean column: where it is true, the thing is gone from `effectiveAt` on. NULL is false. */
  readonly tombstone: string;
  /** Share of the living, 0 to 1, that a complete load closes at most; default 0.1. */
  readonly maxShare?: number;
}

export type CheckedDeletes = Required<DatasetDeletes>;

const DEFAULT_MAX_SHARE = 0.1;
const EFFECTIVE_TYPES: readonly (string | undefined)[] = ['timestamptz', 'date'];

export const isShare = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1;

/** A project's file is not always type-checked. */
const isFilledList = (value: unknown): value is readonly string[] => Array.isArray(value) && value.length > 0;

/** What is wrong with a dataset's `deletes`, as the rest of a sentence. */
export const deletesProblem = (
  deletes: DatasetDeletes,
  schema: z.ZodObject,
  key: readonly string[],
): string | undefined => {
  const { entity, effectiveAt, tombstone, maxShare } = deletes;
  if (!isFilledList(entity)) return 'has deletes without an entity';
  const shape = schema.shape as Record<string, z.core.$ZodType>;
  const unknown = [...entity, effectiveAt, tombstone].find((column) => shape[column] === undefined);
  if (unknown !== undefined) return `has deletes with a column "${unknown}" that is not in its schema`;
  const typeOf = (column: string): string | undefined => postgresTypeOf(shape[column] as z.core.$ZodType);
  if (!EFFECTIVE_TYPES.includes(typeOf(effectiveAt)))
    return `has deletes.effectiveAt "${effectiveAt}", which is neither a timestamp nor a date`;
  if (typeOf(tombstone) !== 'boolean') return `has deletes.tombstone "${tombstone}", which is no boolean`;
  const parts = [...entity, effectiveAt];
  if (
    parts.length !== key.length ||
    new Set(parts).size !== parts.length ||
    !parts.every((c) => key.includes(c))
  )
    return 'has deletes whose entity and effectiveAt are not its key';
  if (maxShare !== undefined && !isShare(maxShare))
    return 'has a deletes.maxShare that is not within 0 and 1';
  return undefined;
};

export const withDefaults = ({
  entity,
  effectiveAt,
  tombstone,
  maxShare,
}: DatasetDeletes): CheckedDeletes => ({
  entity: [...entity],
  effectiveAt,
  tombstone,
  maxShare: maxShare ?? DEFAULT_MAX_SHARE,
});

/** A dataset whose loads can be declared complete. @throws DELETES_UNDECLARED */
export const requireDeletes = <
  D extends { readonly name: string; readonly deletes?: CheckedDeletes | undefined },
>(
  dataset: D,
): D & { readonly deletes: CheckedDeletes } => {
  const { deletes } = dataset;
  if (deletes !== undefined) return { ...dataset, deletes };
  throw new StrataError(
    'DELETES_UNDECLARED',
    `Dataset ${dataset.name} has no deletes, so no load of it can be declared complete`,
  );
};

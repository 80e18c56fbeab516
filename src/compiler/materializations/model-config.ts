import { z } from 'zod/v4';
import { StrataError } from '../../domain/errors';
import { retentionMonths } from '../../domain/retention';

const names = z
  .union([z.string(), z.array(z.string()).min(1)], { error: 'takes a column or a list of columns' })
  .transform((value) => (typeof value === 'string' ? [value] : value));

const Index = z.object({ columns: z.array(z.string()).min(1), unique: z.boolean().default(false) });
export type IndexConfig = z.infer<typeof Index>;

const Partition = z.object({ field: z.string(), granularity: z.literal('month').default('month') });
export type PartitionConfig = z.infer<typeof Partition>;

const Period = z.enum(['day', 'month']);
export type Period = z.infer<typeof Period>;

const Retention = z
  .string()
  .refine((text) => retentionMonths(text) !== undefined, { error: "takes months, such as '24 months'" });

/** How full the pages of a table are made, in per cent, as PostgreSQL's storage parameter. */
const Fillfactor = z.int().min(10).max(100);

const common = {
  indexes: z.array(Index).default([]),
  fillfactor: z.optional(Fillfactor),
  full_refresh: z.boolean().optional(),
};

const tracked = {
  ...common,
  /** How a relation that stands is built anew: changed where it stands, or another one beside it that is swapped in. */
  rebuild: z.enum(['in_place', 'beside']).default('in_place'),
};

const View = z.object({ materialized: z.literal('view') });
const Table = z.object({ materialized: z.literal('table'), ...common });

/** Rows are merged by `unique_key`; of several the one with the greatest `load_order` stands. */
const Incremental = z
  .object({
    materialized: z.literal('incremental'),
    incremental_strategy: z.literal('merge').default('merge'),
    unique_key: names,
    load_order: names.optional(),
    /** A predicate over the model's rows: those are not in the relation, and leave it if they were. */
    delete_where: z.string().optional(),
    on_schema_change: z.enum(['ignore', 'fail', 'append_new_columns', 'sync_all_columns']).default('ignore'),
    /** Whether columns that are added are filled in all rows. */
    backfill: z.boolean().default(false),
    /** Whether each row that `unconsumed()` gives has to come out of the model. */
    keeps_all_rows: z.boolean().default(false),
    partition_by: Partition.optional(),
    /** How long partitions stay before they are archived. */
    retention: z.optional(Retention),
    ...tracked,
  })
  .refine(({ load_order, delete_where }) => load_order === undefined || delete_where === undefined, {
    path: ['delete_where'],
    error:
      'does not go with load_order: a row that has left is forgotten, and an older one that arrives later would come back',
  })
  .refine(({ partition_by, fillfactor }) => partition_by === undefined || fillfactor === undefined, {
    path: ['fillfactor'],
    error: 'does not go with partition_by',
  });

/** Of models whose rows follow from their upstreams alone: columns that came or went fail it, or build it anew. */
const rebuilding = ['fail', 'append_new_columns', 'sync_all_columns'] as const;

/**
 * A slowly changing dimension of Kimball's type 2: the model gives one row per change, of all changes of a key.
 * `type_2` columns start a version, `type_1` columns are overwritten everywhere, `type_0` columns keep the first value.
 */
const Scd2 = z.object({
  materialized: z.literal('scd2'),
  unique_key: names,
  /** From when on a row holds; unique within a key. */
  updated_at: z.string(),
  /** Where the first version starts, if that is earlier than its `updated_at`. */
  starts_at: z.string().optional(),
  /** A boolean column; a row where it is true says that from its `updated_at` on there is no such thing. */
  tombstone: z.string().optional(),
  type_2: names,
  type_1: names.default([]),
  type_0: names.default([]),
  surrogate_key: z.string(),
  on_schema_change: z.enum(rebuilding).default('fail'),
  ...tracked,
});

/** Whole periods are recomputed: those that the model declares with `affected_periods()`. */
const ByPeriod = z.object({
  materialized: z.literal('by_period'),
  unique_key: names,
  period: Period,
  period_column: z.string(),
  on_schema_change: z.enum(rebuilding).default('fail'),
  ...tracked,
});

const MATERIALIZATIONS = ['view', 'table', 'incremental', 'scd2', 'by_period', 'ephemeral'];
const MaterializationConfig = z.discriminatedUnion('materialized', [
  View,
  Table,
  Incremental,
  Scd2,
  ByPeriod,
]);
export type MaterializationConfig = z.infer<typeof MaterializationConfig>;
export type ViewConfig = z.infer<typeof View>;
export type TableConfig = z.infer<typeof Table>;
export type IncrementalConfig = z.infer<typeof Incremental>;
export type Scd2Config = z.infer<typeof Scd2>;
export type ByPeriodConfig = z.infer<typeof ByPeriod>;
/** Materializations whose changes are tracked. */
export type TrackedConfig = IncrementalConfig | Scd2Config | ByPeriodConfig;

const TRACKED: ReadonlySet<string> = new Set<TrackedConfig['materialized']>([
  'incremental',
  'scd2',
  'by_period',
]);

/** Whether relations of a materialization keep a change feed, and are carried on from where they stand. */
export const isTracked = (materialized: string): materialized is TrackedConfig['materialized'] =>
  TRACKED.has(materialized);

export const isTrackedConfig = (config: MaterializationConfig): config is TrackedConfig =>
  isTracked(config.materialized);

/** The column by whose months a relation is partitioned, if it is. */
export const partitionFieldOf = (config: MaterializationConfig): string | undefined =>
  config.materialized === 'incremental' ? config.partition_by?.field : undefined;

/** What says which of the rows of a key is the newest; empty: no key comes twice. */
export const loadOrderOf = (config: MaterializationConfig): readonly string[] =>
  (config.materialized === 'incremental' ? config.load_order : undefined) ?? [];

/** Settings that say how a run goes about it, and not which rows are in the relation. */
const SHAPELESS = new Set([
  'backfill',
  'fillfactor',
  'full_refresh',
  'incremental_strategy',
  'indexes',
  'keeps_all_rows',
  'on_schema_change',
  'rebuild',
  'retention',
]);

/** The settings that a relation's rows follow from: where they change, the relation is another one. */
export const shapeOf = (config: MaterializationConfig): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).filter(([name, value]) => !SHAPELESS.has(name) && value !== undefined),
  );

/** Settings of dbt that mean the same, or nothing that changes rows, for every materialization. */
const GENERAL = [
  'access',
  'alias',
  'contract',
  'database',
  'description',
  'docs',
  'enabled',
  'group',
  'materialized',
  'meta',
  'name',
  'persist_docs',
  'post_hook',
  'pre_hook',
  'schema',
  'tags',
];
const KNOWN = new Set([
  ...GENERAL,
  ...[View, Table, Incremental, Scd2, ByPeriod].flatMap((settings) => Object.keys(settings.shape)),
]);

/** A misspelled setting would be without effect, and one of dbt's that strata lacks would change what is right. */
const refuseUnknown = (label: string, config: Record<string, unknown>): void => {
  const unknown = Object.keys(config).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: config has ${unknown.join(', ')}, which strata does not know; settings of your own go under meta`,
    );
};

const messageOf = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_union' && issue.path[0] === 'materialized'
    ? `has to be one of ${MATERIALIZATIONS.join(', ')}`
    : issue.message;

/** The settings that a materialization reads of a model's config. @throws MODEL_INVALID names the model and the settings. */
export const parseModelConfig = (label: string, config: Record<string, unknown>): MaterializationConfig => {
  refuseUnknown(label, config);
  const parsed = MaterializationConfig.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((i) => `${i.path.join('.')}: ${messageOf(i)}`);
  throw new StrataError('MODEL_INVALID', `Model ${label}: config ${problems.join('; ')}`, {
    cause: parsed.error,
  });
};

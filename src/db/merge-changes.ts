import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { feedRelation, quoteIdentifier, relationSql, sqlLiteral } from '../compiler/identifiers';
import { identityOf } from '../compiler/materializations/build';
import {
  applyDelta,
  compareStaged,
  countDelta,
  createFeed,
  DELTA,
  type DeltaInput,
  feedDelta,
  SOURCE,
  STAGED,
} from '../compiler/materializations/delta';
import type { IncrementalConfig, TrackedConfig } from '../compiler/materializations/model-config';
import { StrataError } from '../domain/errors';
import type { RowCounts } from '../wire/transform';
import { type BuildInput, ensurePartitions, execute, stageModel } from './build-model';
import { describeRelation } from './facts';
import { rawSql } from './raw-sql';
import { findRelation, hasConsumers, saveRelation } from './relations';

const DeltaCounts = z.object({
  inserted: z.coerce.number(),
  updated: z.coerce.number(),
  deleted: z.coerce.number(),
  remembered: z.coerce.number(),
});

export interface MergeInput extends BuildInput {
  readonly nodeId: string;
  /** Of a by_period model: the periods that its rows stand for. */
  readonly affectedPeriods: readonly string[];
}

/** Which rows of the target leave when they are not staged. */
const scopeOf = (config: TrackedConfig, affectedPeriods: readonly string[]): string | undefined => {
  if (config.materialized === 'scd2') {
    const key = config.unique_key.map(quoteIdentifier);
    return `(${key.map((k) => `t.${k}`).join(', ')}) in (select ${key.join(', ')} from ${SOURCE})`;
  }
  if (config.materialized === 'by_period')
    return `t.${quoteIdentifier(config.period_column)} = any (${sqlLiteral(`{${affectedPeriods.join(',')}}`)}::date[])`;
  return undefined;
};

interface Column {
  readonly name: string;
  readonly type: string;
}

const describeStaged = async (connection: CommonQueryMethods): Promise<Column[]> => {
  const result = await connection.query(
    rawSql(`select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a where a.attrelid = '${STAGED}'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`),
  );
  return z.array(z.object({ name: z.string(), type: z.string() })).parse(result.rows);
};

/** Brings target and feed to the model's columns, as `on_schema_change` says; returns the columns to be written. */
const alignColumns = async (
  connection: CommonQueryMethods,
  { label, relation }: BuildInput,
  config: TrackedConfig,
): Promise<string[]> => {
  const staged = (await describeStaged(connection)).filter((c) => c.name !== '_gone');
  const target = (await describeRelation(connection, relation)).columns;
  const added = staged.filter((s) => !target.some((t) => t.name === s.name));
  const removed = target.filter((t) => !staged.some((s) => s.name === t.name));
  if (added.length === 0 && removed.length === 0) return target.map((c) => c.name);
  const policy = config.materialized === 'incremental' ? config.on_schema_change : 'fail';
  const change = [...added.map((c) => `+${c.name}`), ...removed.map((c) => `-${c.name}`)].join(', ');
  if (policy === 'fail' || (policy === 'ignore' && removed.length > 0))
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: its columns changed (${change}); run it with --full-refresh`,
    );
  if (policy === 'ignore') return target.map((c) => c.name);
  await execute(
    connection,
    added.map((c) => `alter table ${relationSql(relation)} add column ${quoteIdentifier(c.name)} ${c.type}`),
  );
  if (policy === 'sync_all_columns')
    await execute(
      connection,
      removed.map((c) => `alter table ${relationSql(relation)} drop column ${quoteIdentifier(c.name)}`),
    );
  return staged.map((c) => c.name);
};

const needsNewFeed = async (
  connection: CommonQueryMethods,
  input: BuildInput,
  columns: readonly string[],
): Promise<boolean> => {
  const feed = await describeRelation(connection, feedRelation(input.relation));
  return columns.some((name) => !feed.columns.some((c) => c.name === name));
};

/**
 * Merges a model's rows into its relation: writes only what differs, and the same to the change feed if anybody
 * consumes it. Runs within the caller's transaction, under the relation's lock.
 */
export const mergeChanges = async (
  connection: CommonQueryMethods,
  input: MergeInput,
  config: TrackedConfig,
): Promise<RowCounts> => {
  await stageModel(connection, input, config);
  const columns = await alignColumns(connection, input, config);
  const delta: DeltaInput = {
    target: input.relation,
    columns,
    key: identityOf(config),
    loadOrder: config.materialized === 'incremental' ? config.load_order : undefined,
    hasGone: config.materialized === 'incremental' && config.delete_where !== undefined,
    scope: scopeOf(config, input.affectedPeriods),
  };
  await execute(connection, compareStaged(delta));
  const result = await connection.query(rawSql(countDelta));
  const { remembered, ...rows } = DeltaCounts.parse(result.rows[0]);
  const changed = rows.inserted + rows.updated + rows.deleted;
  if (changed + remembered === 0) return rows;
  const partition = (config as Partial<IncrementalConfig>).partition_by;
  if (partition) await ensurePartitions(connection, input.relation, { from: DELTA, field: partition.field });
  if (changed > 0) await feed(connection, input, delta);
  await execute(connection, applyDelta(delta));
  return rows;
};

/** The next version: with its changes in the feed where somebody consumes them, else as a new beginning. */
const feed = async (connection: CommonQueryMethods, input: MergeInput, delta: DeltaInput): Promise<void> => {
  const tracked = await findRelation(connection, input.relation);
  const version = BigInt(tracked?.version ?? 0) + 1n;
  const isNew = await needsNewFeed(connection, input, delta.columns);
  const reset = isNew || !(await hasConsumers(connection, input.relation));
  if (isNew) await execute(connection, createFeed(input.relation, input.relation));
  if (!reset) await execute(connection, [feedDelta(delta, version)]);
  await saveRelation(connection, input.relation, {
    nodeId: input.nodeId,
    materialized: tracked?.materialized ?? 'incremental',
    version,
    reset,
  });
};

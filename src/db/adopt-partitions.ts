import type { CommonQueryMethods, DatabasePool, DatabasePoolConnection } from 'slonik';
import { z } from 'zod';
import { quoteIdentifier, relationSql } from '../compiler/identifiers';
import type { ManifestModel, RelationName } from '../compiler/manifest';
import { tableConstraints } from '../compiler/materializations/build';
import { createKeyPlaces, keyPlacesOf } from '../compiler/materializations/key-places';
import {
  type IncrementalConfig,
  type PartitionConfig,
  parseModelConfig,
} from '../compiler/materializations/model-config';
import { refuseImbalance } from '../domain/conservation';
import { StrataError } from '../domain/errors';
import { analyzeRelation } from './analyze-relation';
import { ensureSchema } from './ensure-schema';
import { describeRelation } from './facts';
import { withNodeSession } from './node-session';
import { ensurePartitions, recordChangedMonths } from './partitions';
import { countAll } from './count-all';
import { rawSql } from './raw-sql';
import { findRelation, relationKey } from './relations';
import { beginBuild, swapIn } from './replace-relation';
import { sql } from './sql';
import { countRows, execute } from './stage-model';

export interface AdoptResult {
  readonly relation: string;
  /** `already`: it was partitioned before. */
  readonly state: 'adopted' | 'already';
  readonly rows: number;
}

const Count = z.object({ rows: z.coerce.number() });
const IndexRow = z.object({ how: z.string() });

const refused = (label: string, why: string): StrataError =>
  new StrataError('ADOPT_REFUSED', `${label}: ${why}`);

/** @throws ADOPT_REFUSED where the model doesn't say by what it is partitioned */
const partitionedConfig = (
  label: string,
  { config, materialized }: ManifestModel,
): IncrementalConfig & { readonly partition_by: PartitionConfig } => {
  const parsed = parseModelConfig(label, { ...config, materialized });
  if (parsed.materialized !== 'incremental' || parsed.partition_by === undefined)
    throw refused(label, 'its config has no partition_by');
  return { ...parsed, partition_by: parsed.partition_by };
};

/** Whether it is a plain table of strata's. @throws ADOPT_REFUSED */
const isPlain = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  field: string,
): Promise<boolean> => {
  const label = relationKey(relation);
  const { exists, type, partitioned, columns } = await describeRelation(connection, relation);
  const tracked = await findRelation(connection, relation);
  if (!exists || type !== 'table' || tracked?.materialized !== 'incremental')
    throw refused(label, 'no run has built it as an incremental model yet');
  if (!columns.some((c) => c.name === field)) throw refused(label, `it has no column ${field}`);
  return partitioned !== true;
};

/** How the indexes are made that are not unique, also those that others have added. */
const plainIndexes = (connection: CommonQueryMethods, { schema, name }: RelationName) =>
  connection.any(sql.type(IndexRow)`
    select regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', 'using ') as how
    from pg_index as i
    inner join pg_class as c on c.oid = i.indrelid
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and not i.indisunique and i.indisvalid
    order by i.indexrelid
  `);

const copyIndexes = async (
  connection: CommonQueryMethods,
  from: RelationName,
  to: RelationName,
): Promise<void> => {
  const made = new Set((await plainIndexes(connection, to)).map(({ how }) => how));
  const missing = (await plainIndexes(connection, from)).filter(({ how }) => !made.has(how));
  for (const { how } of missing) await execute(connection, [`create index on ${relationSql(to)} ${how}`]);
};

/** @throws KEY_NULL */
const refuseNulls = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  field: string,
): Promise<void> => {
  const { rows } = await connection.query(
    rawSql(`select count(*) as rows from ${relationSql(relation)} where ${quoteIdentifier(field)} is null`),
  );
  const { rows: nulls } = Count.parse(rows[0]);
  if (nulls > 0)
    throw new StrataError('KEY_NULL', `${relationKey(relation)}: ${nulls} rows with NULL in ${field}`);
};

/** The table's rows in partitions, beside it. Returns how many. */
const buildBeside = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  config: ReturnType<typeof partitionedConfig>,
): Promise<number> => {
  const { field } = config.partition_by;
  const [standing, built] = [relationSql(relation), await beginBuild(connection, relation)];
  await execute(connection, [
    `create table ${relationSql(built)} (like ${standing} including all excluding indexes) partition by range (${quoteIdentifier(field)})`,
  ]);
  await ensurePartitions(connection, built, { from: standing, field });
  const copied = await countRows(connection, `insert into ${relationSql(built)} select * from ${standing}`);
  await execute(connection, tableConstraints(built, config, ''));
  await copyIndexes(connection, relation, built);
  await analyzeRelation(connection, built);
  refuseImbalance(relationKey(relation), [
    {
      left: 'rows of the table',
      is: await countAll(connection, relation),
      right: 'in partitions',
      of: copied,
    },
  ]);
  return copied;
};

const adopt = async (
  transaction: CommonQueryMethods,
  relation: RelationName,
  config: ReturnType<typeof partitionedConfig>,
): Promise<AdoptResult> => {
  const label = relationKey(relation);
  const { field } = config.partition_by;
  if (!(await isPlain(transaction, relation, field))) return { relation: label, state: 'already', rows: 0 };
  // Nobody writes meanwhile, also nobody by hand; everybody reads.
  await execute(transaction, [`lock table ${relationSql(relation)} in share row exclusive mode`]);
  await refuseNulls(transaction, relation, field);
  const rows = await buildBeside(transaction, relation, config);
  const places = keyPlacesOf(relation, config);
  if (places) await execute(transaction, createKeyPlaces(places, relationSql(relation)));
  await recordChangedMonths(transaction, relation, { from: relationSql(relation), columns: [field] });
  await swapIn(transaction, relation);
  // The version and the feed go on: no row has changed, so that nobody has to be built anew.
  await transaction.query(sql.typeAlias('void')`
    update ops.relation
    set config = coalesce(config, '{}') || jsonb_build_object('partition_by', ${JSON.stringify(config.partition_by)}::jsonb)
    where relation = ${label} and config is not null
  `);
  return { relation: label, state: 'adopted', rows };
};

/**
 * Makes a plain table of a model the partitioned one that its config asks for, without reading its upstreams: copied
 * beside and swapped, in one transaction under the relation's lock. Readers wait for the swap alone, runs of the model
 * for all of it; its change feed goes on. @throws ADOPT_REFUSED, KEY_NULL
 */
export const adoptPartitions = (
  pool: DatabasePool,
  { model, signal }: { readonly model: ManifestModel; readonly signal: AbortSignal },
): Promise<AdoptResult> => {
  const label = relationKey(model.relation);
  const config = partitionedConfig(label, model);
  const name = `strata adopt ${label}`.slice(0, 63);
  const begin = async (connection: DatabasePoolConnection): Promise<void> => {
    await connection.query(sql.typeAlias('void')`select set_config('application_name', ${name}, false)`);
  };
  return withNodeSession(pool, { name, lock: label, signal, begin }, async (connection) => {
    await ensureSchema(connection, model);
    return connection.transaction((transaction) => adopt(transaction, model.relation, config));
  });
};

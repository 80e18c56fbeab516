import type { DatabasePool } from 'slonik';
import { z } from 'zod';
import type { Manifest, ManifestModel } from '../compiler/manifest';
import { parseModelConfig } from '../compiler/materializations/model-config';
import { rangeOfName } from '../compiler/materializations/partitions';
import { parentsOf } from '../compiler/parents-of';
import { StrataError } from '../domain/errors';
import { monthsBefore } from '../domain/retention';
import { listPartitions } from './list-partitions';
import { archivesOf } from './partition-archives';
import { relationKey, relationUpstream } from './relations';
import { sql } from './sql';

export interface ArchiveCandidate {
  readonly model: ManifestModel;
  readonly partition: string;
  readonly from: string;
  readonly to: string;
}

export interface ArchiveScope {
  readonly model?: string | undefined;
  /** `YYYY-MM`, of that model. */
  readonly before?: string | undefined;
  /** `YYYY-MM-DD` */
  readonly today: string;
}

/** The month that a model's partitions are archived up to; undefined: it keeps them all. */
const boundOf = (model: ManifestModel, { before, today }: ArchiveScope): string | undefined => {
  if (before !== undefined) return `${before}-01`;
  const config = parseModelConfig(relationKey(model.relation), {
    ...model.config,
    materialized: model.materialized,
  });
  if (config.materialized !== 'incremental' || config.partition_by === undefined) return undefined;
  return config.retention === undefined ? undefined : monthsBefore(today, config.retention);
};

/** @throws PARTITIONS_NONE */
const modelsOf = ({ nodes }: Manifest, { model: name }: ArchiveScope): ManifestModel[] => {
  const models = Object.values(nodes).filter(
    (node): node is ManifestModel => node.kind === 'model' && node.materialized === 'incremental',
  );
  if (name === undefined) return models;
  const named = models.filter((model) => model.name === name && model.config['partition_by'] !== undefined);
  if (named.length === 0)
    throw new StrataError('PARTITIONS_NONE', `The project has no partitioned model ${name}`);
  return named;
};

/** Partitions that are to be archived, or on their way, in an order that stays; years of five digits never are. */
export const archiveCandidates = async (
  pool: DatabasePool,
  manifest: Manifest,
  scope: ArchiveScope,
): Promise<ArchiveCandidate[]> => {
  const found: ArchiveCandidate[] = [];
  for (const model of modelsOf(manifest, scope)) {
    const bound = boundOf(model, scope);
    if (bound === undefined) continue;
    const known = await archivesOf(pool, model.relation);
    for (const { name } of await listPartitions(pool, model.relation)) {
      const range = rangeOfName(model.relation.name, name);
      const isDue = range?.to.length === bound.length && range.to <= bound;
      if (range && isDue && !known.some((a) => a.partition === name))
        found.push({ model, partition: name, ...range });
    }
    for (const { partition, from, to, state } of known)
      if (state !== 'archived') found.push({ model, partition, from, to });
  }
  return found.sort((a, b) => (cursorOf(a) < cursorOf(b) ? -1 : 1));
};

export const cursorOf = ({ model, from }: ArchiveCandidate): string =>
  `${relationKey(model.relation)} ${from}`;

const Reader = z.object({ relation: z.string() });

/**
 * The relations whose models read a model. @throws ARCHIVE_REFUSED where one is built of all its rows each time, which
 * would lose what is archived
 */
export const readersOf = async (
  pool: DatabasePool,
  manifest: Manifest,
  model: ManifestModel,
): Promise<string[]> => {
  const readers = Object.values(manifest.nodes).filter(
    (node): node is ManifestModel =>
      node.kind === 'model' &&
      node.materialized !== 'ephemeral' &&
      node.materialized !== 'view' &&
      parentsOf(manifest, node).some(({ id }) => id === model.id),
  );
  const table = readers.find((reader) => reader.materialized === 'table');
  if (table)
    throw new StrataError(
      'ARCHIVE_REFUSED',
      `${relationKey(model.relation)}: ${table.name} is a table, made of all of its rows each time`,
    );
  const consumers = await pool.anyFirst(sql.type(Reader)`
    select relation from ops.model_progress where upstream = ${relationUpstream(model.relation)}
  `);
  return [...new Set([...readers.map((reader) => relationKey(reader.relation)), ...consumers])].sort();
};

import type { CommonQueryMethods } from 'slonik';
import { fitIdentifier, quoteIdentifier as q, relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { inMonths } from '../compiler/materializations/archive-sql';
import { type MaterializationConfig, partitionFieldOf } from '../compiler/materializations/model-config';
import { columnsOf, equalsArchive } from './archive-rows';
import { archivesOf } from './partition-archives';
import { execute } from './stage-model';

/**
 * What a relation is to be compared with: its shadow, without the months that are archived and are what the shadow says
 * of them, by the sums of the manifest. A month whose archive says something else stays in, and differs.
 */
export const liveShadow = async (
  connection: CommonQueryMethods,
  {
    relation,
    shadow,
    config,
  }: {
    readonly relation: RelationName;
    readonly shadow: RelationName;
    readonly config: MaterializationConfig;
  },
): Promise<RelationName> => {
  const partitionField = partitionFieldOf(config);
  if (partitionField === undefined) return shadow;
  const archives = await archivesOf(connection, relation);
  if (archives.length === 0) return shadow;
  const field = q(partitionField);
  const rows = { from: relationSql(shadow), field, columns: await columnsOf(connection, shadow) };
  const same = [];
  for (const archive of archives) if (await equalsArchive(connection, archive, rows)) same.push(archive);
  if (same.length === 0) return shadow;
  const live = { schema: shadow.schema, name: fitIdentifier(`${shadow.name} live`) };
  await execute(connection, [
    `create view ${relationSql(live)} as select * from ${relationSql(shadow)}
where not (${same.map((archive) => inMonths(field, archive)).join(' or ')})`,
  ]);
  return live;
};

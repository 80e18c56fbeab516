import type { CommonQueryMethods } from 'slonik';
import { quoteIdentifier as q, relationSql } from '../compiler/identifiers';
import type { Manifest, ManifestModel, RelationName } from '../compiler/manifest';
import { countWhere, inMonths } from '../compiler/materializations/archive-sql';
import { equalKeys, STAGED } from '../compiler/materializations/delta';
import type { KeyPlaces } from '../compiler/materializations/key-places';
import { partitionFieldOf, type TrackedConfig } from '../compiler/materializations/model-config';
import { parentsOf } from '../compiler/parents-of';
import { archiveColumn } from '../domain/archive-manifest';
import { equalsArchive } from './archive-rows';
import { describeStaged } from './stage-model';
import { ArchivedMonthsNeeded, archivesOf, archivesTouched } from './partition-archives';
import { rawSql } from './raw-sql';
import { z } from 'zod';

/**
 * Asks for the archived months that staged rows belong to, by their time or by where their key lies as yet: a late or a
 * corrected row is merged with what is there, and no key gets a second row. @throws ArchivedMonthsNeeded
 */
export const needArchived = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  { config, places }: { readonly config: TrackedConfig; readonly places: KeyPlaces | undefined },
): Promise<void> => {
  const field = partitionFieldOf(config);
  if (field === undefined) return;
  const archives = await archivesOf(connection, relation);
  if (archives.length === 0) return;
  const touched = await archivesTouched(connection, archives, {
    from: `${STAGED} as s`,
    columns: [`s.${q(field)}`],
  });
  if (places) {
    const sameKey = equalKeys(places.key, 'k', 's');
    touched.push(
      ...(await archivesTouched(connection, archives, {
        from: `${STAGED} as s inner join ${relationSql(places.table)} as k on ${sameKey}`,
        columns: [`k.${q(field)}`],
      })),
    );
  }
  if (touched.length > 0) throw new ArchivedMonthsNeeded(relation, [...new Set(touched)]);
};

const Count = z.object({ rows: z.coerce.number() });

/**
 * Of the staged rows of a relation that is built anew, those that go into it: not those of archived months, which stay
 * where they are if they are the same. @throws ArchivedMonthsNeeded for months that are other ones now
 */
export const liveRows = async (
  connection: CommonQueryMethods,
  relation: RelationName,
  config: TrackedConfig,
): Promise<{ readonly live: string; readonly archived: number }> => {
  const all = { live: STAGED, archived: 0 };
  const partitionField = partitionFieldOf(config);
  if (partitionField === undefined) return all;
  const archives = await archivesOf(connection, relation);
  if (archives.length === 0) return all;
  const field = q(partitionField);
  const columns = (await describeStaged(connection)).map((c) => archiveColumn(c.name, c.type));
  const differing: string[] = [];
  for (const archive of archives)
    if (!(await equalsArchive(connection, archive, { from: STAGED, field, columns })))
      differing.push(archive.partition);
  if (differing.length > 0) throw new ArchivedMonthsNeeded(relation, differing);
  const isArchived = archives.map((archive) => inMonths(field, archive)).join(' or ');
  const { rows } = await connection.query(rawSql(countWhere(STAGED, isArchived)));
  return {
    live: `(select * from ${STAGED} where not (${isArchived})) as live`,
    archived: Count.parse(rows[0]).rows,
  };
};

/** What reads all of its parents needs their archived months back. @throws ArchivedMonthsNeeded */
export const needParents = async (
  connection: CommonQueryMethods,
  {
    manifest,
    model,
    except = new Set(),
  }: { readonly manifest: Manifest; readonly model: ManifestModel; readonly except?: ReadonlySet<string> },
): Promise<void> => {
  if (model.materialized === 'view') return;
  for (const parent of parentsOf(manifest, model)) {
    if (except.has(parent.id)) continue;
    const archives = await archivesOf(connection, parent.relation);
    if (archives.length > 0)
      throw new ArchivedMonthsNeeded(
        parent.relation,
        archives.map((a) => a.partition),
      );
  }
};

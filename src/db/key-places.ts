import type { CommonQueryMethods } from 'slonik';
import { relationSql } from '../compiler/identifiers';
import { createKeyPlaces, type KeyPlaces } from '../compiler/materializations/key-places';
import type { RelationName } from '../compiler/manifest';
import { describeRelation } from './facts';
import { execute } from './stage-model';

/** Makes the table of a relation's keys where there is none: of one that was built before there were such tables. */
export const ensureKeyPlaces = async (
  connection: CommonQueryMethods,
  places: KeyPlaces,
  relation: RelationName,
): Promise<void> => {
  if ((await describeRelation(connection, places.table)).exists) return;
  await execute(connection, createKeyPlaces(places, relationSql(relation)));
};

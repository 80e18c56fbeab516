import { keysRelation, quoteIdentifier as q, relationSql } from '../identifiers';
import type { RelationName } from '../manifest';
import { type Application, DELTA, equalKeys, PLACE } from './delta';
import { partitionFieldOf, type TrackedConfig } from './model-config';

/**
 * Of a partitioned relation whose key does not contain what it is partitioned by: a table of its keys and of the value
 * that says in which partition each lies. Its primary key makes a key unique over all partitions, and a key is found
 * without a look into each of them.
 */
export interface KeyPlaces {
  readonly table: RelationName;
  readonly key: readonly string[];
  readonly field: string;
}

export const keyPlacesOf = (target: RelationName, config: TrackedConfig): KeyPlaces | undefined => {
  const field = partitionFieldOf(config);
  if (field === undefined || config.unique_key.includes(field)) return undefined;
  return { table: keysRelation(target), key: config.unique_key, field };
};

const columnsOf = ({ key, field }: KeyPlaces): string => [...key, field].map(q).join(', ');

/** Makes the table anew from the rows of `from`. */
export const createKeyPlaces = (places: KeyPlaces, from: string): string[] => {
  const table = relationSql(places.table);
  return [
    `drop table if exists ${table}`,
    `create table ${table} as\nselect ${columnsOf(places)} from ${from}`,
    `alter table ${table} add primary key (${places.key.map(q).join(', ')})`,
    `analyze ${table}`,
  ];
};

/** Carries the delta out for the places, as `applyDelta` does for the rows. What is astray is new, and has a place. */
export const applyToKeyPlaces = (places: KeyPlaces): Application[] => {
  const table = relationSql(places.table);
  const field = q(places.field);
  const sameKey = equalKeys(places.key, 'k', 'd');
  return [
    {
      sql: `delete from ${table} as k using ${DELTA} as d where d._op = 'd' and ${sameKey}`,
      operations: ['deleted'],
    },
    {
      sql: `update ${table} as k set ${field} = d.${field} from ${DELTA} as d where d._op in ('u', 'r') and d.${PLACE} <> d.${field} and ${sameKey}`,
      operations: ['moved'],
    },
    {
      sql: `update ${table} as k set ${field} = d.${field} from ${DELTA} as d where d._op = 'i' and d.${PLACE} is not null and ${sameKey}`,
      operations: ['astray'],
    },
    {
      sql: `insert into ${table} (${columnsOf(places)}) select ${columnsOf(places)} from ${DELTA} where _op = 'i' and ${PLACE} is null`,
      operations: ['unplaced'],
    },
  ];
};

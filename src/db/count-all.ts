import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { relationSql } from '../compiler/identifiers';
import type { RelationName } from '../compiler/manifest';
import { rawSql } from './raw-sql';

const Count = z.object({ rows: z.coerce.number() });

/** How many rows a relation has, by reading it. */
export const countAll = async (connection: CommonQueryMethods, relation: RelationName): Promise<number> => {
  const { rows } = await connection.query(rawSql(`select count(*) as rows from ${relationSql(relation)}`));
  return Count.parse(rows[0]).rows;
};

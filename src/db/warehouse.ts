import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { StrataError } from '../domain/errors';

const Uuid = z.object({ database_uuid: z.string() });

/** The UUID that this database was given when it was first migrated. */
export const databaseUuid = (connection: CommonQueryMethods): Promise<string> =>
  connection.oneFirst(sql.type(Uuid)`select database_uuid from ops.warehouse`);

/** @throws DATABASE_REPLACED when the work was begun on another database of this name. */
export const checkDatabaseUuid = async (connection: CommonQueryMethods, expected: string): Promise<void> => {
  const actual = await databaseUuid(connection);
  if (actual !== expected)
    throw new StrataError(
      'DATABASE_REPLACED',
      `This database is ${actual}; the work was begun on ${expected}`,
    );
};

import { z } from 'zod/v4';
import { postgresTypeOf } from './columns/column';
import { isLongerThan } from './columns/utf8-length';
import type { DatasetDefinition } from './dataset';
import { deletesProblem, isShare } from './dataset-deletes';
import { StrataError } from './errors';

const DATASET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;
/** PostgreSQL cuts longer identifiers. */
const MAX_IDENTIFIER_BYTES = 63;
/** PostgreSQL's tables end at 1,600 columns; bronze adds its own. */
const MAX_COLUMNS = 1000;
/** What bronze relations have besides the contract's columns, and what PostgreSQL keeps for itself. */
const RESERVED_COLUMNS = new Set([
  ...['_loaded_at', '_batch_id', '_row_number', '_extra', '_load_id'],
  ...['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', '__proto__'],
]);

const columnProblem = (column: string): string | undefined => {
  if (column === '') return 'has a column with no name';
  if (RESERVED_COLUMNS.has(column)) return `has a column "${column}", which is a reserved name`;
  if (column.includes('\0')) return 'has a column with a NUL in its name';
  if (isLongerThan(column, MAX_IDENTIFIER_BYTES)) return `has a column "${column}" of more than 63 bytes`;
  return undefined;
};

const keyProblem = (key: unknown, schema: z.ZodObject): string | undefined => {
  if (!Array.isArray(key) || key.length === 0) return 'has no key';
  const shape = schema.shape as Record<string, z.ZodType>;
  for (const column of key as string[]) {
    const columnSchema = Object.hasOwn(shape, column) ? shape[column] : undefined;
    if (columnSchema === undefined) return `has a key column "${column}" that is not in its schema`;
    if (z.safeParse(columnSchema, '').success) return `has a key column "${column}" that may be empty`;
  }
  return new Set(key).size < key.length ? 'names a key column twice' : undefined;
};

/** A wall clock's time says no moment. */
const EVENT_TIME_TYPES: readonly (string | undefined)[] = ['timestamptz', 'date'];

const eventTimeProblem = (eventTime: string | undefined, schema: z.ZodObject): string | undefined => {
  if (eventTime === undefined) return undefined;
  const column = (schema.shape as Record<string, z.ZodType>)[eventTime];
  return column !== undefined && EVENT_TIME_TYPES.includes(postgresTypeOf(column))
    ? undefined
    : `has an eventTime "${String(eventTime)}" that is not a timestamp or date column of its schema`;
};

const problemOf = (definition: DatasetDefinition): string | undefined => {
  const { name, schema, key, rejectThreshold, alertThreshold, deletes } = definition;
  if (typeof name !== 'string' || !DATASET_NAME.test(name))
    return 'has a name that is not 1 to 40 letters, digits and underscores, the first not a digit';
  // Duck-typed: the schema may come from another copy of zod.
  if (typeof schema?.shape !== 'object' || typeof schema.safeParse !== 'function')
    return 'has a schema that is not a z.object({...})';
  const columns = Object.keys(schema.shape);
  if (columns.length === 0 || columns.length > MAX_COLUMNS) return `has ${columns.length} columns`;
  for (const column of columns) {
    const problem = columnProblem(column);
    if (problem !== undefined) return problem;
  }
  if (rejectThreshold !== undefined && !isShare(rejectThreshold))
    return 'has a rejectThreshold that is not within 0 and 1';
  if (alertThreshold !== undefined && !isShare(alertThreshold))
    return 'has an alertThreshold that is not within 0 and 1';
  const problem = keyProblem(key, schema) ?? eventTimeProblem(definition.eventTime, schema);
  if (problem !== undefined || deletes === undefined) return problem;
  return deletesProblem(deletes, schema, key);
};

/** @throws DATASET_INVALID when the definition can't be a dataset */
export const checkDatasetDefinition = (definition: DatasetDefinition): void => {
  const problem = problemOf(definition);
  if (problem !== undefined)
    throw new StrataError('DATASET_INVALID', `Dataset "${String(definition.name)}" ${problem}`);
};

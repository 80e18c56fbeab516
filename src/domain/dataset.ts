import type { z } from 'zod/v4';
import { MAX_ID_BYTES, plainColumnOf, postgresTypeOf } from './columns/column';
import type { RowErrorCode } from './columns/field-problem';
import type { PlainColumn } from './columns/plain-field';
import { isLongerThan } from './columns/utf8-length';
import { checkDatasetDefinition } from './dataset-definition';
import { type RowRule, rowRulesOf } from './dataset-row-rule';
import { type CheckedDeletes, type DatasetDeletes, withDefaults } from './dataset-deletes';
import { StrataError } from './errors';

export interface DatasetColumn {
  readonly name: string;
  /** A PostgreSQL type, e.g. `numeric(18,2)`. */
  readonly type: string;
}

/** One failed check of a row; without `column` it is about the row as a whole. */
export interface RowFailure {
  readonly column?: string | undefined;
  readonly code: RowErrorCode;
  readonly message: string;
}

export type CheckedRow =
  | { readonly ok: true; readonly row: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly failures: readonly RowFailure[] };

/** The contract of one kind of file: what its columns are, and which rows are good. */
export interface Dataset {
  /** Brand. Duck-typed: a dataset file may have been loaded by another instance of this module. */
  readonly strataDataset: true;
  readonly name: string;
  /** In the order of the schema. */
  readonly columns: readonly DatasetColumn[];
  readonly key: readonly string[];
  /** A file of 100 rows or more with a greater share of bad rows is rejected whole. */
  readonly rejectThreshold: number;
  /** Share of bad rows of a published file above which people are told; undefined: the default. */
  readonly alertThreshold?: number | undefined;
  /** How rows say that a thing is gone; undefined where none does. */
  readonly deletes?: CheckedDeletes | undefined;
  /** The column that says when what a row tells of happened; undefined where none does. */
  readonly eventTime?: string | undefined;
  /** Checks the texts of one row, by column; reports every failed check. */
  readonly checkRow: (texts: Readonly<Record<string, string>>) => CheckedRow;
  /** How most good rows can be told without `checkRow`; undefined when the schema has checks that only zod can make. */
  readonly plain?: PlainContract | undefined;
}

/** What `checkRow` says yes to, for rows of plain bytes. */
export interface PlainContract {
  /** As the dataset's columns. */
  readonly columns: readonly PlainColumn[];
  /** The texts that the key is made of: their places among the columns. */
  readonly keyTexts: readonly number[];
  readonly rules: readonly RowRule[];
}

export interface DatasetDefinition {
  readonly name: string;
  /** `z.object({ name: column.…() })`, with row-wide rules by `.check(rowRule({...}))` or zod's `.refine()`. */
  readonly schema: z.ZodObject;
  /** The columns that identify a row: of two rows with equal keys the one loaded last stands. */
  readonly key: readonly string[];
  /** Share of bad rows, 0 to 1, above which a file of 100 rows or more is rejected; default 0.5. */
  readonly rejectThreshold?: number;
  /** Share of bad rows, 0 to 1, above which a published file of 100 rows or more raises an alert; default 0.05. */
  readonly alertThreshold?: number;
  /** How rows say that a thing is gone. Needed for loads declared complete. */
  readonly deletes?: DatasetDeletes;
  /**
   * The timestamp or date column that says when what a row tells of happened. The ledger keeps the latest of each load,
   * so that freshness can tell a source that sends old data from one that sends none.
   */
  readonly eventTime?: string;
}

const DEFAULT_REJECT_THRESHOLD = 0.5;

const columnsOf = (name: string, schema: z.ZodObject): DatasetColumn[] =>
  Object.entries<z.core.$ZodType>(schema.shape).map(([columnName, columnSchema]) => {
    const type = postgresTypeOf(columnSchema);
    if (type === undefined)
      throw new StrataError(
        'DATASET_INVALID',
        `Column "${columnName}" of dataset "${name}" is not made by column.text(), column.numeric() or the like`,
      );
    return { name: columnName, type };
  });

const failureOf = (issue: z.core.$ZodIssue): RowFailure => {
  const [column] = issue.path;
  const params = issue.code === 'custom' ? issue.params : undefined;
  const code = (params?.['code'] as RowErrorCode | undefined) ?? 'INVALID_VALUE';
  return {
    ...(column === undefined ? {} : { column: String(column) }),
    code,
    message: issue.message,
  };
};

const longKeyFailures = (
  keyTexts: readonly string[],
  texts: Readonly<Record<string, string>>,
  known: readonly RowFailure[],
): RowFailure[] =>
  keyTexts
    .filter((column) => isLongerThan(texts[column] ?? '', MAX_ID_BYTES))
    .filter((column) => !known.some((failure) => failure.column === column))
    .map((column) => ({
      column,
      code: 'FIELD_TOO_LONG',
      message: `is longer than ${MAX_ID_BYTES} bytes, and part of the key`,
    }));

const makeCheckRow = (schema: z.ZodObject, keyTexts: readonly string[]): Dataset['checkRow'] => {
  return (texts) => {
    const parsed = schema.safeParse(texts);
    const isKeyLong = keyTexts.some((column) => isLongerThan(texts[column] ?? '', MAX_ID_BYTES));
    if (parsed.success && !isKeyLong) return { ok: true, row: parsed.data };
    const failures = parsed.success ? [] : parsed.error.issues.map(failureOf);
    return { ok: false, failures: [...failures, ...longKeyFailures(keyTexts, texts, failures)] };
  };
};

const plainContractOf = (
  schema: z.ZodObject,
  columns: readonly DatasetColumn[],
  keyTexts: readonly string[],
): PlainContract | undefined => {
  const rules = rowRulesOf(schema);
  const shape = Object.values<z.core.$ZodType>(schema.shape);
  const plain = shape.map(plainColumnOf).filter((found) => found !== undefined);
  if (rules === undefined || plain.length < shape.length) return undefined;
  return {
    columns: plain,
    keyTexts: keyTexts.map((name) => columns.findIndex((column) => column.name === name)),
    rules,
  };
};

/** Makes a dataset from its contract. @throws DATASET_INVALID naming what is wrong with it */
export const defineDataset = (definition: DatasetDefinition): Dataset => {
  checkDatasetDefinition(definition);
  const { name, schema, key } = definition;
  const columns = columnsOf(name, schema);
  const keyTexts = columns.filter((c) => c.type === 'text' && key.includes(c.name)).map((c) => c.name);
  return Object.freeze({
    strataDataset: true,
    name,
    columns,
    key: [...key],
    rejectThreshold: definition.rejectThreshold ?? DEFAULT_REJECT_THRESHOLD,
    alertThreshold: definition.alertThreshold,
    ...(definition.deletes === undefined ? {} : { deletes: withDefaults(definition.deletes) }),
    ...(definition.eventTime === undefined ? {} : { eventTime: definition.eventTime }),
    checkRow: makeCheckRow(schema, keyTexts),
    plain: plainContractOf(schema, columns, keyTexts),
  });
};

export const isDataset = (value: unknown): value is Dataset =>
  typeof value === 'object' && value !== null && (value as Partial<Dataset>).strataDataset === true;

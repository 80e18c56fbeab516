/* eslint-disable @typescript-eslint/no-require-imports -- the reader loads only for a dry run */
import { basename } from 'node:path';
import type { Config } from '../config';
import { shownName } from '../domain/columns/field-problem';
import type { Dataset } from '../domain/dataset';
import { requireDeletes } from '../domain/dataset-deletes';
import { StrataError } from '../domain/errors';
import { incompleteReason, rejectionReason } from '../domain/rejection';
import type { FileValidation } from '../ingest';
import type { CommandContext } from './context';
import { describeError, errorLine, type ErrorDescription, EXIT_FAILED } from './describe-error';

const SHOWN_RECORD_CHARACTERS = 120;
const SHOWN_COLUMNS = 20;

export interface DryRun {
  readonly config: Config;
  readonly dataset: string;
  /** Absolute. */
  readonly files: readonly string[];
  /** Whether the files are declared complete. */
  readonly complete: boolean;
}

const findDataset = async (projectDir: string, name: string): Promise<Dataset> => {
  const { loadDatasets } = require('../project/load-datasets') as typeof import('../project/load-datasets');
  const datasets = await loadDatasets(projectDir);
  const dataset = datasets.find((d) => d.name === name);
  if (dataset) return dataset;
  const known = datasets.map((d) => d.name).join(', ');
  throw new StrataError('DATASET_UNKNOWN', `There is no dataset ${name} in ${projectDir}, only ${known}`);
};

const shortRecord = (record: string): string => {
  const line = record.replace(/\s*[\r\n]+\s*/g, ' ');
  return line.length > SHOWN_RECORD_CHARACTERS ? `${line.slice(0, SHOWN_RECORD_CHARACTERS)}...` : line;
};

const listedColumns = (names: readonly string[]): string =>
  [
    ...names.slice(0, SHOWN_COLUMNS).map(shownName),
    ...(names.length > SHOWN_COLUMNS ? [`and ${names.length - SHOWN_COLUMNS} more`] : []),
  ].join(', ');

const validationLines = (name: string, v: FileValidation, rejected: string | undefined): string[] => [
  `${name}: ${v.rowsRead} read, ${v.rowsGood} valid, ${v.rowsRejected} bad`,
  ...(rejected === undefined ? [] : [`${name}: would be rejected whole: ${rejected}`]),
  ...(v.extraColumns.length === 0 ? [] : [`${name}: extra columns: ${listedColumns(v.extraColumns)}`]),
  ...v.errors.map((e) => `  line ${e.lineNumber}: ${e.errorCode}: ${e.error}: ${shortRecord(e.record)}`),
  ...(v.rowsRejected > v.errors.length ? [`  ... ${v.rowsRejected - v.errors.length} more`] : []),
];

interface Checked {
  readonly file: string;
  readonly validation?: FileValidation;
  /** Why the whole file would be rejected. */
  readonly rejected?: string;
  readonly error?: ErrorDescription;
}

const check = async (file: string, dataset: Dataset, { config, complete }: DryRun): Promise<Checked> => {
  const { createFileSources, validateFile } = require('../ingest') as typeof import('../ingest');
  const files = createFileSources({ ...config, pathStyle: config.s3PathStyle });
  try {
    const validation = await validateFile({ ...config, dataset, files }, { file });
    const rejected =
      rejectionReason(validation, dataset.rejectThreshold) ??
      (complete ? incompleteReason(validation.rowsRejected) : undefined);
    return { file, validation, ...(rejected === undefined ? {} : { rejected }) };
  } catch (error) {
    return { file, error: describeError(error) };
  }
};

/** `strata ingest --dry-run`: what each file would come to; needs neither database nor Temporal, and loads nothing. */
export const dryRun = async (context: CommandContext, input: DryRun): Promise<number> => {
  const { output } = context;
  const dataset = await findDataset(input.config.projectDir, input.dataset);
  if (input.complete) requireDeletes(dataset);
  const checked: Checked[] = [];
  for (const file of input.files) {
    context.signal.throwIfAborted();
    const result = await check(file, dataset, input);
    const name = `${dataset.name} ${basename(file)}`;
    if (result.error) output.note(errorLine(result.error));
    if (result.validation)
      for (const line of validationLines(name, result.validation, result.rejected)) output.line(line);
    checked.push(result);
  }
  output.document({
    files: checked.map(({ file, validation, ...rest }) => ({ file, ...validation, ...rest })),
  });
  return checked.some((c) => c.error !== undefined || c.rejected !== undefined) ? EXIT_FAILED : 0;
};

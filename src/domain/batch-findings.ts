import type { Condition, ConditionKey } from '../wire/alerts';
import type { IngestResult } from '../wire/ingest';
import { alertSummary } from './alert-summary';
import { countOf } from './count-of';
import type { Findings } from './run-findings';

/** Share of bad rows above which people are told, where the dataset says nothing else. */
const DEFAULT_ALERT_THRESHOLD = 0.05;
/** Below it, a share says nothing. */
const MIN_ROWS_FOR_THRESHOLD = 100;
/** So many bad rows are told of, however small a share they are. */
const MANY_BAD_ROWS = 1_000;
const NAMED_COLUMNS = 10;

/** Columns that files of the dataset had beside the contract's. */
export interface ExtraColumns {
  /** Of the batch published before; undefined: there is none. */
  readonly before: readonly string[] | undefined;
  /** Those of this batch that any batch published before had. */
  readonly ever: readonly string[];
}

export interface BatchFacts {
  readonly extraColumns: ExtraColumns;
  readonly alertThreshold?: number | undefined;
}

const burst = (
  { rowsRead, rowsRejected, dataset, file }: IngestResult,
  threshold = DEFAULT_ALERT_THRESHOLD,
): string | undefined => {
  const isShare = rowsRead >= MIN_ROWS_FOR_THRESHOLD && rowsRejected > rowsRead * threshold;
  if (!isShare && rowsRejected < MANY_BAD_ROWS) return undefined;
  return `${rowsRejected} of ${countOf(rowsRead, 'row')} of ${fileName(file)} are dead letters; strata dlq list --dataset ${dataset}`;
};

const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

const named = (columns: readonly string[]): string => {
  const more = columns.length - NAMED_COLUMNS;
  const names = columns.slice(0, NAMED_COLUMNS).map((c) => JSON.stringify(c));
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
};

/** What is other about a file's columns, in words; undefined where nothing is. */
const drift = (
  { extraColumns: now, file }: IngestResult,
  { before, ever }: ExtraColumns,
): string | undefined => {
  if (before === undefined) return undefined;
  const added = now.filter((column) => !ever.includes(column));
  const gone = before.filter((column) => !now.includes(column));
  if (added.length === 0 && gone.length === 0) return undefined;
  return [
    ...(added.length > 0 ? [`${fileName(file)} has new columns: ${named(added)} (kept in _extra)`] : []),
    ...(gone.length > 0 ? [`${fileName(file)} lacks columns of the file before: ${named(gone)}`] : []),
  ].join('; ');
};

/** What a batch that has come to an outcome says about its dataset; a known content says nothing. */
export const batchFindings = (result: IngestResult, facts: BatchFacts): Findings => {
  const { dataset: subject, batchId, outcome } = result;
  const about = { observation: `batch ${batchId}`, batchId };
  if (outcome === 'duplicate') return { wrong: [], right: [] };
  if (outcome === 'rejected') {
    const summary = alertSummary(`${fileName(result.file)} was rejected: ${result.reason ?? 'no reason'}`);
    return { wrong: [{ kind: 'failure', subject, state: 'firing', summary, ...about }], right: [] };
  }
  const checks: readonly (readonly [ConditionKey['kind'], string | undefined])[] = [
    ['failure', undefined],
    ['dead-letters', burst(result, facts.alertThreshold)],
    ['schema-drift', drift(result, facts.extraColumns)],
  ];
  return {
    wrong: checks.flatMap(([kind, summary]): Condition[] =>
      summary === undefined
        ? []
        : [{ kind, subject, state: 'firing', severity: 'warn', summary: alertSummary(summary), ...about }],
    ),
    right: checks.flatMap(([kind, summary]) => (summary === undefined ? [{ kind, subject }] : [])),
  };
};

export interface FailedBatch {
  readonly dataset: string;
  readonly file: string;
  readonly batchId: string;
  readonly errorCode: string;
  readonly error: string;
}

/** A batch that could not be loaded; one that somebody stopped says nothing. */
export const failedBatchConditions = (batch: FailedBatch): Condition[] => {
  const { dataset, file, batchId, errorCode, error } = batch;
  if (errorCode === 'CANCELLED') return [];
  return [
    {
      kind: 'failure',
      subject: dataset,
      state: 'firing',
      summary: alertSummary(`${fileName(file)} could not be loaded: ${errorCode}: ${error}`),
      observation: `batch ${batchId}`,
      batchId,
    },
  ];
};

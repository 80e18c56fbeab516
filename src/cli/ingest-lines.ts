import { basename } from 'node:path';
import { countOf } from '../domain/count-of';
import { errorLine } from './describe-error';
import { shownName } from '../domain/columns/field-problem';
import type { IngestResult } from '../wire/ingest';
import type { FileOutcome } from './ingest-files';
import type { Output } from './output';

/** Of a complete load: what it closed and reopened. */
const closingLines = (name: string, { rowsClosed, rowsReopened }: IngestResult): string[] =>
  rowsClosed === undefined
    ? []
    : [`${name}: declared complete: ${rowsClosed} closed, ${rowsReopened ?? 0} reopened`];

const resultLines = (name: string, result: IngestResult): string[] => {
  const { batchId, rowsRead, rowsLoaded, rowsRejected, extraColumns } = result;
  const counts = `${rowsRead} read, ${rowsLoaded} loaded, ${rowsRejected} rejected`;
  const letters = `see ops.dead_letter_queue, batch_id ${batchId}`;
  switch (result.outcome) {
    case 'published':
      return [
        `${name}: batch ${batchId}, ${counts}${rowsRejected > 0 ? ` (${letters})` : ''}`,
        ...closingLines(name, result),
        ...(extraColumns.length === 0
          ? []
          : [
              `${name}: kept ${countOf(extraColumns.length, 'extra column')} in _extra: ${extraColumns.map(shownName).join(', ')}`,
            ]),
      ];
    case 'duplicate':
      return [`${name}: already loaded as batch ${result.duplicateOf ?? '?'}; nothing to do`];
    case 'rejected':
      return [
        `${name}: batch ${batchId} rejected, nothing loaded: ${result.reason ?? counts}${rowsRejected > 0 ? ` (${letters})` : ''}`,
      ];
  }
};

/** What became of a file, nothing for one that failed: `transactions t.csv: batch 7, 100 read, 98 loaded, 2 rejected (...)`. */
export const fileLines = (dataset: string, outcome: FileOutcome): string[] => {
  const name = `${dataset} ${basename(outcome.file)}`;
  if (outcome.error !== undefined) return [];
  if (outcome.result !== undefined) return resultLines(name, outcome.result);
  return [`${name}: batch ${outcome.batchId ?? '?'} accepted, loading as ${outcome.workflowId}`];
};

/** Prints what became of a file; a failure goes to stderr as any error does. */
export const reportFile = (output: Output, dataset: string, outcome: FileOutcome): void => {
  for (const line of fileLines(dataset, outcome)) output.line(line);
  if (outcome.error !== undefined) output.note(errorLine(outcome.error));
};

/** A file that failed, or was rejected whole. */
export const hasFailed = ({ error, result }: FileOutcome): boolean =>
  error !== undefined || result?.outcome === 'rejected';

import type { DatabasePool } from 'slonik';
import { publishedExtraColumns } from '../db/batches';
import { openConditions } from '../db/incidents';
import { batchFindings } from '../domain/batch-findings';
import type { Dataset } from '../domain/dataset';
import { toTell } from '../domain/run-findings';
import type { Condition } from '../wire/alerts';
import type { IngestResult } from '../wire/ingest';

/** A file that brought no rows has no columns that could have changed. */
const NOTHING_TO_COMPARE = { before: undefined, ever: [] } as const;

/** What to tell the alerter of a batch that has come to an outcome: mostly nothing. */
export const batchConditions = async (
  { pool, dataset }: { readonly pool: DatabasePool; readonly dataset: Pick<Dataset, 'alertThreshold'> },
  result: IngestResult,
): Promise<Condition[]> => {
  const extraColumns =
    result.outcome === 'published' ? await publishedExtraColumns(pool, result) : NOTHING_TO_COMPARE;
  const { alertThreshold } = dataset;
  const findings = batchFindings(result, { extraColumns, alertThreshold });
  const { batchId } = result;
  return toTell(findings, await openConditions(pool, findings.right), { batchId });
};

import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import type { IngestInput, IngestResult } from '../wire/ingest';

const BatchState = z.enum(['accepted', 'loading', 'loaded', 'published', 'duplicate', 'rejected', 'failed']);
export type BatchState = z.infer<typeof BatchState>;

const BatchRow = z.object({
  batch_id: z.string(),
  dataset: z.string(),
  file: z.string(),
  state: BatchState,
  forced: z.boolean(),
  content_bytes: z.string().nullable(),
  sha256: z.string().nullable(),
  rows_read: z.string().nullable(),
  rows_loaded: z.string().nullable(),
  rows_rejected: z.string().nullable(),
  extra_columns: z.array(z.string()),
  duplicate_of: z.string().nullable(),
  complete_as_of: z.string().nullable(),
  max_deletes: z.number().nullable(),
  rows_closed: z.string().nullable(),
  rows_reopened: z.string().nullable(),
  error: z.string().nullable(),
  error_code: z.string().nullable(),
  workflow_run_id: z.string().nullable(),
});
export type BatchRow = z.infer<typeof BatchRow>;

const BatchId = z.object({ batch_id: z.string() });

const batchColumns = sql.fragment`
  batch_id, dataset, file, state, forced, content_bytes, sha256, rows_read, rows_loaded, rows_rejected,
  extra_columns, duplicate_of, complete_as_of, max_deletes, rows_closed, rows_reopened, error, error_code,
  workflow_run_id
`;

export type NewBatch = Pick<
  IngestInput,
  'dataset' | 'file' | 'force' | 'projectDir' | 'completeAsOf' | 'maxDeletes' | 'within' | 'host'
> & {
  readonly workflowId: string;
  readonly workflowRunId: string;
};

/** The batch that this workflow run has already been given. */
export const findAcceptedBatch = async (
  db: CommonQueryMethods,
  run: Pick<NewBatch, 'workflowId' | 'workflowRunId'>,
): Promise<string | null> =>
  db.maybeOneFirst(sql.type(BatchId)`
    select batch_id from ops.batch
    where workflow_id = ${run.workflowId} and workflow_run_id = ${run.workflowRunId}
  `);

/** Enters a file in the ledger; a second call for the same workflow run answers with the first one's batch. */
export const insertBatch = async (db: CommonQueryMethods, batch: NewBatch): Promise<string> => {
  const inserted = await db.maybeOneFirst(sql.type(BatchId)`
    insert into ops.batch (
      dataset, file, forced, project_dir, workflow_id, workflow_run_id, complete_as_of, max_deletes, host
    )
    values (
      ${batch.dataset}, ${batch.file}, ${batch.force ?? false}, ${batch.projectDir ?? null},
      ${batch.workflowId}, ${batch.workflowRunId}, ${batch.completeAsOf ?? null}::timestamptz,
      ${batch.maxDeletes ?? null}::double precision, ${batch.host ?? null}
    )
    on conflict (workflow_id, workflow_run_id) do nothing
    returning batch_id
  `);
  const batchId = inserted ?? (await findAcceptedBatch(db, batch));
  if (batchId === null) throw new Error(`The batch of workflow ${batch.workflowId} vanished`);
  return batchId;
};

const requireBatch = (batch: BatchRow | null, batchId: string): BatchRow => {
  if (!batch) throw new StrataError('BATCH_UNKNOWN', `Batch ${batchId} is not in the ledger`);
  return batch;
};

/** A batch id as the ledger has them; anything else names no batch. */
const knownForm = (batchId: string): string => (/^\d{1,18}$/.test(batchId) ? batchId : '0');

/** @throws BATCH_UNKNOWN */
export const getBatch = async (db: CommonQueryMethods, batchId: string): Promise<BatchRow> =>
  requireBatch(
    await db.maybeOne(
      sql.type(
        BatchRow,
      )`select ${batchColumns} from ops.batch where batch_id = ${knownForm(batchId)}::bigint`,
    ),
    batchId,
  );

/** Locks the batch until the end of the transaction. @throws BATCH_UNKNOWN */
export const lockBatch = async (db: CommonQueryMethods, batchId: string): Promise<BatchRow> =>
  requireBatch(
    await db.maybeOne(
      sql.type(BatchRow)`
        select ${batchColumns} from ops.batch where batch_id = ${knownForm(batchId)}::bigint for update
      `,
    ),
    batchId,
  );

/** Starts the batch's load, or starts it anew. */
export const markLoading = async (
  db: CommonQueryMethods,
  batchId: string,
  fileBytes: number,
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.batch
    set state = 'loading', file_bytes = ${fileBytes}::bigint, error = null, error_code = null, finished_at = null
    where batch_id = ${batchId}::bigint
  `);
};

/** A file whose content is known is not loaded: its batch only learns what the content is. */
export const markKnownContent = async (
  db: CommonQueryMethods,
  batchId: string,
  content: { readonly sha256: string; readonly bytes: number },
): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.batch
    set
      state = 'loaded', sha256 = ${content.sha256}, content_bytes = ${content.bytes}::bigint,
      rows_read = 0, rows_loaded = 0, rows_rejected = 0
    where batch_id = ${batchId}::bigint and state = 'loading'
  `);
};

/**
 * The published batch that holds this content, the latest if several do. A content that is declared complete says
 * another thing at another time, and another when it is not.
 */
export const findPublishedContent = async (
  db: CommonQueryMethods,
  batch: Pick<BatchRow, 'dataset' | 'complete_as_of'>,
  sha256: string,
): Promise<string | null> =>
  db.maybeOneFirst(sql.type(BatchId)`
    select batch_id from ops.batch
    where
      dataset = ${batch.dataset} and sha256 = ${sha256} and state = 'published'
      and complete_as_of is not distinct from ${batch.complete_as_of}::timestamptz
    order by batch_id desc
    limit 1
  `);

/** Whether a published batch of the dataset has content of this size; of any size, when it isn't known yet. */
export const mayBeKnownContent = async (
  db: CommonQueryMethods,
  dataset: string,
  contentBytes: number | null,
): Promise<boolean> =>
  db.oneFirst(sql.type(z.object({ exists: z.boolean() }))`
    select exists (
      select from ops.batch
      where
        dataset = ${dataset} and state = 'published'
        and (${contentBytes}::bigint is null or content_bytes = ${contentBytes}::bigint)
    ) as exists
  `);

export interface BatchEnd {
  readonly state: 'published' | 'duplicate' | 'rejected' | 'failed';
  readonly duplicateOf?: string | undefined;
  readonly error?: string | undefined;
  readonly errorCode?: string | undefined;
  /** What of the batch stands; unset: as loaded. */
  readonly rowsLoaded?: 0 | undefined;
  readonly rowsRejected?: 0 | undefined;
  /** What was written of what a complete load does not have, and of what is back. */
  readonly rowsClosed?: number | undefined;
  readonly rowsReopened?: number | undefined;
}

/** Writes a batch's final state. */
export const finishBatch = async (db: CommonQueryMethods, batchId: string, end: BatchEnd): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    update ops.batch
    set
      state = ${end.state},
      duplicate_of = ${end.duplicateOf ?? null}::bigint,
      error = ${end.error ?? null},
      error_code = ${end.errorCode ?? null},
      rows_loaded = coalesce(${end.rowsLoaded ?? null}::bigint, rows_loaded),
      rows_rejected = coalesce(${end.rowsRejected ?? null}::bigint, rows_rejected),
      rows_closed = ${end.rowsClosed ?? null}::bigint,
      rows_reopened = ${end.rowsReopened ?? null}::bigint,
      finished_at = clock_timestamp()
    where batch_id = ${batchId}::bigint
  `);
};

const ExtraColumnsRow = z.object({ before: z.array(z.string()).nullable(), ever: z.array(z.string()) });

/**
 * The columns that the contract doesn't name, in batches published before this one: those of the last, and those of this
 * batch that any of them had. Where this one has none, no more than one batch is looked at.
 */
export const publishedExtraColumns = async (
  db: CommonQueryMethods,
  { dataset, batchId, extraColumns }: Pick<IngestResult, 'dataset' | 'batchId' | 'extraColumns'>,
): Promise<{ before: readonly string[] | undefined; ever: readonly string[] }> => {
  const { before, ever } = await db.one(sql.type(ExtraColumnsRow)`
    select
      (
        select extra_columns from ops.batch
        where dataset = ${dataset} and state = 'published' and batch_id < ${batchId}::bigint
        order by batch_id desc
        limit 1
      ) as before,
      array(
        select column_name
        from unnest(${sql.array([...extraColumns], 'text')}) as c (column_name)
        where exists (
          select from ops.batch
          where
            dataset = ${dataset} and state = 'published' and batch_id < ${batchId}::bigint
            and extra_columns @> array[column_name]
        )
      ) as ever
  `);
  return { before: before ?? undefined, ever };
};

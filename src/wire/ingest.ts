import { z } from 'zod/v4';
import type { Condition } from './alerts';

/** A URL that holds what may be a secret: user and password, or a query string, which may sign it. */
export const mayHoldSecret = (file: string): boolean =>
  /^https?:\/\/([^/?#]*@|[^?#]*[?#])/i.test(file.trimStart());

export const SECRET_URL =
  'a URL is taken without user, query string and fragment: they would stay in the history';

/** Starts workflow `ingest`: loads one file of one dataset. Only `dataset` and `file` are needed by hand. */
export const IngestInput = z.strictObject({
  dataset: z.string().min(1),
  /** Absolute path on the worker's host, `s3://bucket/key`, or a URL of one of the worker's STRATA_URL_HOSTS. */
  file: z
    .string()
    .min(1)
    .refine((file) => !mayHoldSecret(file), SECRET_URL),
  /** Folder, or `s3://bucket/prefix`: the file is refused outside of it, links followed. */
  within: z.string().min(1).optional(),
  /** The host that has the file: only its workers load it. Default: whichever worker is free. */
  host: z.string().min(1).optional(),
  /** How long the load waits for a worker of that host. Default: an hour. */
  hostWaitMs: z.number().int().positive().optional(),
  /** Load a known content again, as a new batch. */
  force: z.boolean().optional(),
  /** Tell the coordinator when the batch is published, so that the models run. Default true. */
  transform: z.boolean().optional(),
  /** The project whose contract is meant, if it isn't the worker's own. */
  projectDir: z.string().optional(),
  /**
   * The file holds every entity that exists at this time, in the contract's form of timestamps: those that are alive
   * then and not in the file are closed.
   */
  completeAsOf: z.string().min(1).optional(),
  /** Share of the living, 0 to 1, that this complete load closes at most; default: the dataset's. */
  maxDeletes: z.number().min(0).max(1).optional(),
  /** The plan that the run after this load is to execute; default: the worker's own project. */
  planHash: z.string().optional(),
});
export type IngestInput = z.infer<typeof IngestInput>;

export const BatchOutcome = z.enum(['published', 'duplicate', 'rejected']);
export type BatchOutcome = z.infer<typeof BatchOutcome>;

export type AcceptBatchInput = IngestInput;

export interface AcceptBatchResult {
  batchId: string;
  /** UUID of the database: a dropped and re-made one is another warehouse. */
  databaseUuid: string;
  warehouse: string;
  /** Whether the custom search attributes are registered here. */
  searchAttributes: boolean;
}

export interface LoadFileInput {
  batchId: string;
  databaseUuid: string;
  dataset: string;
  projectDir?: string | undefined;
  /** As in `IngestInput`. */
  within?: string | undefined;
}

/** What loading a file came to; counts only, never rows. */
export interface LoadFileResult {
  batchId: string;
  rowsRead: number;
  rowsLoaded: number;
  rowsRejected: number;
  contentBytes: number;
}

export interface PublishBatchInput {
  batchId: string;
  databaseUuid: string;
  dataset: string;
  projectDir?: string | undefined;
}

export interface FailBatchInput {
  batchId: string;
  databaseUuid: string;
  errorCode: string;
  error: string;
}

/** Tells the coordinator of a published batch; starts the coordinator where there is none. */
export interface NotifyPipelineInput {
  batchId: string;
  dataset: string;
  databaseUuid: string;
  warehouse: string;
  planHash?: string | undefined;
  /** Compiled and stored where `planHash` is not given. */
  projectDir?: string | undefined;
  /** Of the run that follows, if it isn't that of live work. */
  priority?: number | undefined;
}

/** Answer of update `accepted`. */
export interface AcceptedBatch {
  batchId: string;
}

export interface IngestResult {
  batchId: string;
  dataset: string;
  file: string;
  outcome: BatchOutcome;
  rowsRead: number;
  rowsLoaded: number;
  rowsRejected: number;
  /** Columns of the file that the contract doesn't name; kept in `_extra`. */
  extraColumns: string[];
  /** With outcome `duplicate`: the batch that holds this content. */
  duplicateOf?: string | undefined;
  /** Of a complete load that was published: tombstones written for entities that the file doesn't have. */
  rowsClosed?: number | undefined;
  /** Of a complete load that was published: rows written for entities that are back. */
  rowsReopened?: number | undefined;
  /** With outcome `rejected`: why, in words. */
  reason?: string | undefined;
}

/** What publishing came to; beside it what the alerter is to be told, mostly nothing. */
export interface PublishBatchResult extends IngestResult {
  conditions?: Condition[] | undefined;
}

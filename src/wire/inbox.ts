import { z } from 'zod/v4';
import type { Condition } from './alerts';
import type { IngestResult } from './ingest';

/** Starts workflow `inbox`: one look at the worker's inbox. Nothing is needed; which folder it is, the worker knows. */
export const InboxInput = z.strictObject({
  /** The host whose inbox is meant; default: that of whichever worker takes it. */
  host: z.string().min(1).optional(),
});
export type InboxInput = z.infer<typeof InboxInput>;

/** A file that waits in the inbox. */
export interface InboxFile {
  /** As it is loaded: a path, or `s3://bucket/key`. */
  file: string;
  name: string;
  /** Of a name that is no text: its bytes, in base64. Such a file is never loaded. */
  rawName?: string | undefined;
  /** What tells this file from another one that takes its name. */
  identity: string;
  /** A digest of inbox, name and identity. */
  key: string;
  /** Undefined: `refusal` says why it is not loaded. */
  dataset?: string | undefined;
  refusal?: InboxFailure | undefined;
}

export interface InboxFailure {
  code: string;
  message: string;
}

export interface ScanInboxInput {
  /** The schedule that looks. */
  schedule?: string | undefined;
}

export interface ScanInboxResult {
  /** The worker's inbox; undefined: it has none. */
  inbox?: string | undefined;
  /** The only one that has these files; undefined: every worker reaches them. */
  host?: string | undefined;
  databaseUuid: string;
  warehouse: string;
  /** In the order in which they are to be loaded. */
  ready: InboxFile[];
  /** Files that are still being written, or came just now. */
  waiting: number;
  /** Files that were tried in vain, and pause; the first of them. */
  postponed?: PostponedFile[] | undefined;
  /** There are more files than one look takes. */
  more: boolean;
  /** What the alerter is to be told when the look has come to its end: what is right again. */
  conditions?: Condition[] | undefined;
}

export interface PostponedFile {
  name: string;
  dataset?: string | undefined;
  /** Why, and until when. */
  reason: string;
}

/** How the load of a file ended for good. */
export type InboxVerdict = { result: IngestResult } | { failure: InboxFailure; batchId?: string | undefined };

export interface SettleInboxFileInput {
  /** Where it lies: a worker with another inbox refuses it. */
  inbox: string;
  file: InboxFile;
  verdict: InboxVerdict;
  databaseUuid: string;
}

export interface SettleInboxFileResult {
  /** Where the file is now; undefined: it was no longer there. */
  movedTo?: string | undefined;
}

export interface InboxOutcome {
  name: string;
  dataset?: string | undefined;
  /** `kept`: it stays in the inbox, and is tried again: by the next look, or later if it was tried often. */
  outcome: 'published' | 'duplicate' | 'rejected' | 'kept';
  batchId?: string | undefined;
  rowsLoaded?: number | undefined;
  rowsRejected?: number | undefined;
  /** Why it was rejected or kept. */
  reason?: string | undefined;
  movedTo?: string | undefined;
}

export interface InboxResult {
  /** Undefined: the worker has no inbox. */
  inbox?: string | undefined;
  files: InboxOutcome[];
  waiting: number;
  more: boolean;
}

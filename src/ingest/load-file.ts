import type { DatabasePool } from 'slonik';
import type { Dataset } from '../domain/dataset';
import {
  type BatchRow,
  findPublishedContent,
  getBatch,
  markKnownContent,
  mayBeKnownContent,
} from '../db/batches';
import { ensureBronze } from '../db/ensure-bronze';
import { getLoadProgress, type LoadProgress } from '../db/load-chunks';
import { keptHeader } from '../domain/csv-header';
import { isStrataError } from '../domain/errors';
import type { LoadFileResult } from '../wire/ingest';
import { beginLoad, isUnfinished, sweepFileLoad } from './begin-load';
import { ChunkWriter } from './chunk-writer';
import { hashContent } from './content-hash';
import { contentOf, type FileContent } from './file-content';
import { type FileProgress, NOTHING_YET, startTelling } from './file-progress';
import { changeOf, checkUnchanged, type OpenFile } from './open-file';
import type { OpenQuotes } from './records';
import { createFileSources, type FileSources } from './sources/file-sources';
import { type ReadProgress, type ReadResult, readKnowingOpenQuotes, readRows } from './read-rows';
import { trimHeap } from './trim-heap';

/** Content that a retry loads again at most; small enough to be quick, large enough that commits don't count. */
const CHUNK_BYTES = 48 * 1024 * 1024;

const MAX_NOTED_COLUMNS = 100;
const MAX_NOTED_CHARACTERS = 200;

export interface LoadFileDeps {
  readonly pool: DatabasePool;
  readonly databaseUrl: string;
  readonly dataset: Dataset;
  readonly maxFieldBytes: number;
  /** Of the decompressed content; default: any. */
  readonly maxContentBytes?: number | undefined;
  /** Default: any file of this host, any object, no URL. */
  readonly files?: FileSources | undefined;
  /** For tests: content of a chunk. */
  readonly chunkBytes?: number | undefined;
  /** For tests: how often it is looked whether the connection is lost. */
  readonly lookEveryMs?: number | undefined;
}

export interface LoadFileRequest {
  readonly batchId: string;
  /** The workflow execution that asks; a batch that it has failed itself, it doesn't load again. */
  readonly execution?: string | undefined;
  /** The file is refused outside of this folder. */
  readonly within?: string | undefined;
  readonly signal: AbortSignal;
  /** Called at least every second while there is anything to tell. */
  readonly onProgress: (progress: FileProgress) => void;
}

const asResult = (batch: BatchRow): LoadFileResult => ({
  batchId: batch.batch_id,
  rowsRead: Number(batch.rows_read ?? 0),
  rowsLoaded: Number(batch.rows_loaded ?? 0),
  rowsRejected: Number(batch.rows_rejected ?? 0),
  contentBytes: Number(batch.content_bytes ?? 0),
});

interface LoadAttempt {
  readonly deps: LoadFileDeps;
  readonly request: LoadFileRequest;
  readonly batch: BatchRow;
  readonly loadId: string;
  readonly opened: OpenFile;
  readonly content: FileContent;
  readonly tell: (progress: FileProgress) => void;
}

/** Whether the content is known, found out by reading it where that may be; then nothing needs to be loaded. */
const isKnownContent = async (attempt: LoadAttempt, done: LoadProgress | undefined): Promise<boolean> => {
  const { deps, batch, content, opened, request } = attempt;
  const { pool } = deps;
  // What an earlier attempt has begun to load was not known then.
  if (batch.forced || done) return false;
  const size = content.isCompressed ? null : opened.sizeBytes;
  if (!(await mayBeKnownContent(pool, batch.dataset, size))) return false;
  const hash = await hashContent(
    content,
    (contentBytes) => {
      attempt.tell({ ...NOTHING_YET, contentBytes });
    },
    request.signal,
  );
  if ((await findPublishedContent(pool, batch, hash.sha256)) === null) return false;
  await checkUnchanged(opened);
  await markKnownContent(pool, batch.batch_id, hash);
  return true;
};

/** What the ledger, and with it the workflow's history, says of columns beyond the contract: names, in bounds. */
const notedColumns = ({ extraColumns }: ReadResult['header']): string[] => {
  const names = extraColumns
    .slice(0, MAX_NOTED_COLUMNS)
    .map(({ name }) => name.slice(0, MAX_NOTED_CHARACTERS));
  const more = extraColumns.length - names.length;
  return more > 0 ? [...names, `and ${more} more`] : names;
};

const startOf = (done: LoadProgress | undefined) =>
  done && { offset: done.endOffset, line: done.endLine, rows: done.endRow };

const markOf = ({ endOffset, endLine, rowsRead }: ReadProgress) => ({ endOffset, endLine, endRow: rowsRead });

/** Loads what earlier attempts have left of the file, by chunks. */
const writeRows = async (attempt: LoadAttempt, openQuotes: OpenQuotes): Promise<void> => {
  const { deps, request, batch, loadId, opened, content } = attempt;
  const { dataset, maxFieldBytes } = deps;
  const { file } = batch;
  const done = await getLoadProgress(deps.pool, loadId);
  const session = await ChunkWriter.openSession(deps.databaseUrl, loadId, deps.lookEveryMs);
  const abort = (): void => void session.close();
  request.signal.addEventListener('abort', abort);
  try {
    const source = `${dataset.name}/${opened.name}`;
    const writer = new ChunkWriter(
      session,
      dataset,
      { batchId: batch.batch_id, loadId, fileIdentity: opened.identity, source, file },
      done,
    );
    let chunkStart = done?.endOffset ?? 0;
    const tell = ({ contentBytes, rowsRead }: ReadProgress): void => {
      const { rowsLoaded, rowsRejected } = writer;
      attempt.tell({ contentBytes, rowsRead, rowsLoaded, rowsRejected });
    };
    const afterBlock = async (progress: ReadProgress): Promise<void> => {
      await writer.flush();
      if (progress.endOffset - chunkStart >= (deps.chunkBytes ?? CHUNK_BYTES)) {
        await writer.commit(markOf(progress));
        chunkStart = progress.endOffset;
      }
      trimHeap();
      tell(progress);
    };
    const options = { dataset, file, content, maxFieldBytes, openQuotes, from: startOf(done) };
    const result = await readRows(
      { ...options, signal: request.signal },
      {
        goodRow: (line, row) => {
          writer.goodRow(line, row);
        },
        badRow: (letter) => {
          writer.badRow(letter);
        },
        afterBlock,
        plain: writer,
      },
    );
    await checkUnchanged(opened);
    await writer.commit(markOf(result), {
      bytes: result.contentBytes,
      sha256: result.sha256,
      extraColumns: notedColumns(result.header),
      header: keptHeader(dataset, result.header),
    });
    tell(result);
  } finally {
    request.signal.removeEventListener('abort', abort);
    await session.close();
  }
};

const loadOpenFile = async (attempt: LoadAttempt): Promise<void> => {
  const { deps, loadId } = attempt;
  if (await isKnownContent(attempt, await getLoadProgress(deps.pool, loadId))) return;
  await ensureBronze(deps.pool, [deps.dataset]);
  await readKnowingOpenQuotes((openQuotes) => writeRows(attempt, openQuotes));
};

/**
 * Loads a batch's file into bronze, unseen until the batch is published. In constant memory, and by chunks that are
 * safe once written: a retry goes on after the last one, also when its commit succeeded but the answer got lost. Of
 * two attempts at once only one writes. Content that is known already isn't loaded.
 * @throws FILE_*, HEADER_*, DATASET_*, BATCH_UNKNOWN; on abort the signal's reason
 */
export const loadFile = async (deps: LoadFileDeps, request: LoadFileRequest): Promise<LoadFileResult> => {
  const { pool } = deps;
  const { batchId, signal } = request;
  const batch = await getBatch(pool, batchId);
  if (!isUnfinished(batch)) return asResult(batch);
  const { files = createFileSources() } = deps;
  const opened = await files.open(batch.file, request.within);
  let telling: ReturnType<typeof startTelling> | undefined;
  try {
    const content = await contentOf(opened, deps.maxContentBytes);
    telling = startTelling(request.onProgress, content.isCompressed ? undefined : opened.sizeBytes);
    const { tell } = telling;
    const loadId = await beginLoad(pool, request, opened);
    if (loadId !== undefined) await loadOpenFile({ deps, request, batch, loadId, opened, content, tell });
  } catch (error) {
    signal.throwIfAborted();
    if (!isStrataError(error)) throw error;
    const changed = await changeOf(opened);
    if (changed) await sweepFileLoad(pool, batch);
    // A file that is still being written looks damaged, or has half a header.
    throw changed ?? error;
  } finally {
    telling?.stop();
    await opened.close();
  }
  return asResult(await getBatch(pool, batchId));
};

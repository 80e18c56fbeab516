import type { CommonQueryMethods } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { CopySession } from './copy';

/** How far a load has come: all content before `endOffset` is safe. */
export interface ChunkMark {
  readonly chunkNumber: number;
  /** Of the decompressed content, exclusive. */
  readonly endOffset: number;
  /** The physical line that starts there. */
  readonly endLine: number;
  /** Data records before it. */
  readonly endRow: number;
}

export interface LoadProgress extends ChunkMark {
  readonly rowsLoaded: number;
  readonly rowsRejected: number;
}

const ProgressRow = z.object({
  chunk_number: z.number(),
  end_offset: z.string(),
  end_line: z.string(),
  end_row: z.string(),
  rows_loaded: z.string(),
  rows_rejected: z.string(),
});

/** What earlier attempts have made safe; undefined when nothing is. */
export const getLoadProgress = async (
  db: CommonQueryMethods,
  loadId: string,
): Promise<LoadProgress | undefined> => {
  const row = await db.maybeOne(sql.type(ProgressRow)`
    select
      chunk_number, end_offset, end_line, end_row,
      (sum(rows_loaded) over ())::bigint as rows_loaded,
      (sum(rows_rejected) over ())::bigint as rows_rejected
    from ops.load_chunk
    where load_id = ${loadId}::bigint
    order by chunk_number desc
    limit 1
  `);
  return row
    ? {
        chunkNumber: row.chunk_number,
        endOffset: Number(row.end_offset),
        endLine: Number(row.end_line),
        endRow: Number(row.end_row),
        rowsLoaded: Number(row.rows_loaded),
        rowsRejected: Number(row.rows_rejected),
      }
    : undefined;
};

/** Another attempt at the same load has gone on meanwhile; it, not this one, is the load now. */
export class LoadSupersededError extends Error {
  constructor(loadId: string) {
    super(`Load ${loadId} was taken over by another attempt`);
  }
}

/**
 * Begins the transaction of a chunk. Holds the load's row until the end, so that of two attempts at once only one
 * writes; and makes sure that the load is still where this attempt left it, and from the same file.
 * @throws LoadSupersededError
 */
export const beginChunk = async (
  session: CopySession,
  { loadId, fileIdentity }: { readonly loadId: string; readonly fileIdentity: string },
  chunkNumber: number,
): Promise<void> => {
  await session.query('begin');
  // The lock and the look are two statements: a statement that waited for a lock doesn't see what was committed meanwhile.
  await session.query('select from ops.load where load_id = $1 for update', [loadId]);
  const [row] = await session.query(
    `select b.state, l.file_identity, coalesce((select max(c.chunk_number) from ops.load_chunk as c where c.load_id = $1), 0) as last
    from ops.load as l
    inner join ops.batch as b on b.batch_id = l.batch_id
    where l.load_id = $1`,
    [loadId],
  );
  const isOurs =
    row?.['state'] === 'loading' && row['last'] === chunkNumber - 1 && row['file_identity'] === fileIdentity;
  if (!isOurs) throw new LoadSupersededError(loadId);
};

export interface ChunkEnd {
  readonly batchId: string;
  readonly loadId: string;
  readonly mark: ChunkMark;
  /** Of this chunk. */
  readonly rowsLoaded: number;
  readonly rowsRejected: number;
  /** Of the load up to here. */
  readonly total: { readonly rowsLoaded: number; readonly rowsRejected: number };
  /** The latest event time of the rows that this attempt has written; null where there is none. */
  readonly latestEventAt: string | null;
  /** With the last chunk: what the whole content is. */
  readonly content?:
    | {
        readonly bytes: number;
        readonly sha256: string;
        readonly extraColumns: readonly string[];
        readonly header: readonly string[] | null;
      }
    | undefined;
}

/**
 * Commits the chunk's rows together with its mark and the ledger's counts. Only for the last one it is waited until it
 * is on disk, and all before it with it: a server that crashes sooner has the load a chunk or two further back, and a
 * retry goes on from there.
 */
export const commitChunk = async (session: CopySession, chunk: ChunkEnd): Promise<void> => {
  const { batchId, loadId, mark, total, content } = chunk;
  await session.query(
    `insert into ops.load_chunk (load_id, chunk_number, end_offset, end_line, end_row, rows_loaded, rows_rejected)
    values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      ...[loadId, mark.chunkNumber, mark.endOffset, mark.endLine, mark.endRow],
      ...[chunk.rowsLoaded, chunk.rowsRejected],
    ],
  );
  await session.query(
    `update ops.load set row_count = $2, latest_event_at = greatest(latest_event_at, $3::timestamptz)
    where load_id = $1`,
    [loadId, total.rowsLoaded, chunk.latestEventAt],
  );
  await session.query(
    'update ops.batch set rows_read = $2, rows_loaded = $3, rows_rejected = $4 where batch_id = $1',
    [batchId, mark.endRow, total.rowsLoaded, total.rowsRejected],
  );
  if (content)
    await session.query(
      `update ops.batch set state = 'loaded', content_bytes = $2, sha256 = $3, extra_columns = $4,
        header = $5
      where batch_id = $1`,
      [batchId, content.bytes, content.sha256, content.extraColumns, content.header],
    );
  else await session.query('set local synchronous_commit = off');
  await session.query('commit');
};

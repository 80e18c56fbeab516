import { refuseImbalance } from '../domain/conservation';
import type { Dataset } from '../domain/dataset';
import { eventMoment, isLater, latestPlausible } from '../domain/event-time';
import { CopySession, type CopyTarget } from '../db/copy';
import { DEAD_LETTER_TARGET } from '../db/dead-letters';
import { beginChunk, type ChunkMark, commitChunk, type LoadProgress } from '../db/load-chunks';
import { loadSessionName } from '../db/loads';
import { COPY_NULL, copyValue } from './copy-text';
import type { DeadLetter } from './dead-letter';
import type { PlainRowSink } from './plain-rows';
import type { CheckedRows } from './row-checker';

/** Rows are sent in pieces of about this many characters. */
const PIECE_CHARACTERS = 64 * 1024;
/** Dead letters are kept back while good rows are being copied, up to this many bytes and this many letters. */
const MAX_HELD_LETTER_BYTES = 4 * 1024 * 1024;
const MAX_HELD_LETTERS = 10_000;

export interface LoadIds {
  readonly batchId: string;
  readonly loadId: string;
  /** Of the file as this attempt opened it. */
  readonly fileIdentity: string;
  /** As the dead letter queue names it. */
  readonly source: string;
  readonly file: string;
}

export interface WholeContent {
  readonly bytes: number;
  readonly sha256: string;
  readonly extraColumns: readonly string[];
  /** All names in the file's header, in its order; null when they are too long to be kept. */
  readonly header: readonly string[] | null;
}

/** Where good rows are copied to, in this order of columns. */
export const bronzeTarget = (dataset: Dataset): CopyTarget => ({
  schema: 'strata_bronze',
  table: dataset.name,
  columns: [
    ...dataset.columns.map((column) => column.name),
    '_row_number',
    '_extra',
    '_load_id',
    '_batch_id',
  ],
});

const byteaText = (bytes: Buffer | null): string =>
  bytes === null ? COPY_NULL : `\\\\x${bytes.toString('hex')}`;

/**
 * Writes checked rows and dead letters, chunk by chunk: a chunk's rows, its dead letters, its mark and the ledger's
 * counts commit in one transaction, so that a retry goes on exactly where the last commit ended.
 */
export class ChunkWriter implements CheckedRows, PlainRowSink {
  private pieces: Buffer[] = [];
  private lines: string[] = [];
  private lineCharacters = 0;
  private letters: string[] = [];
  private letterBytes = 0;
  private isOpen = false;
  private isCopying = false;
  private chunkNumber: number;
  private chunkRowsLoaded = 0;
  private chunkRowsRejected = 0;
  /** What COPY says it has taken of the chunk. */
  private copied = { rows: 0, letters: 0 };
  rowsLoaded: number;
  rowsRejected: number;
  private readonly target: CopyTarget;
  private readonly eventTime: string | undefined;
  private readonly latestPlausible = latestPlausible(Date.now());
  /** The latest time of the rows so far, as the column has it. */
  private latestEvent: string | undefined;
  /** What every good row ends with, and every dead letter begins with. */
  readonly rowEnd: Buffer;
  private readonly lineEnd: string;
  private readonly letterStart: string;

  constructor(
    private readonly session: CopySession,
    dataset: Dataset,
    private readonly ids: LoadIds,
    done: LoadProgress | undefined,
  ) {
    this.target = bronzeTarget(dataset);
    this.eventTime = dataset.eventTime;
    this.lineEnd = `\t${ids.loadId}\t${ids.batchId}\n`;
    this.rowEnd = Buffer.from(this.lineEnd);
    this.letterStart = [ids.loadId, ids.batchId, dataset.name, ids.source, ids.file]
      .map(copyValue)
      .join('\t');
    this.chunkNumber = done?.chunkNumber ?? 0;
    this.rowsLoaded = done?.rowsLoaded ?? 0;
    this.rowsRejected = done?.rowsRejected ?? 0;
  }

  static openSession(databaseUrl: string, loadId: string, lookEveryMs?: number): Promise<CopySession> {
    return CopySession.open(databaseUrl, { name: loadSessionName(loadId), lookEveryMs });
  }

  goodRow(copyLine: string, row?: Readonly<Record<string, unknown>>): void {
    if (this.eventTime !== undefined) this.noteEvent(row?.[this.eventTime]);
    this.chunkRowsLoaded += 1;
    this.rowsLoaded += 1;
    this.lines.push(copyLine);
    this.lineCharacters += copyLine.length;
    if (this.lineCharacters >= PIECE_CHARACTERS) this.cutPiece();
  }

  plainRows(bytes: Buffer, rows: number): void {
    this.cutPiece();
    this.pieces.push(bytes);
    this.chunkRowsLoaded += rows;
    this.rowsLoaded += rows;
  }

  badRow(letter: DeadLetter): void {
    this.chunkRowsRejected += 1;
    this.rowsRejected += 1;
    const values = [letter.lineNumber, letter.rowNumber, letter.record].map(copyValue).join('\t');
    const reason = [letter.error, letter.errorCode].map(copyValue).join('\t');
    const line = `${this.letterStart}\t${values}\t${byteaText(letter.recordBytes)}\t${reason}\n`;
    this.letters.push(line);
    this.letterBytes += line.length;
  }

  /** Sends what has gathered. Call it after each block: nothing gathers beyond a block's worth of rows. */
  async flush(): Promise<void> {
    if (this.pieces.length > 0) {
      await this.startCopying();
      for (const piece of this.pieces) await this.session.write(piece);
      this.pieces = [];
    }
    if (this.letterBytes > MAX_HELD_LETTER_BYTES || this.letters.length > MAX_HELD_LETTERS)
      await this.copyLetters();
  }

  /** Commits what was written since the last commit; `content` goes with the last chunk. */
  async commit(mark: Omit<ChunkMark, 'chunkNumber'>, content?: WholeContent): Promise<void> {
    this.cutPiece();
    await this.flush();
    await this.copyLetters();
    await this.open();
    this.checkCopied();
    await commitChunk(this.session, {
      ...this.ids,
      mark: { ...mark, chunkNumber: this.chunkNumber },
      rowsLoaded: this.copied.rows,
      rowsRejected: this.copied.letters,
      total: { rowsLoaded: this.rowsLoaded, rowsRejected: this.rowsRejected },
      latestEventAt: this.latestEvent === undefined ? null : eventMoment(this.latestEvent),
      content,
    });
    this.isOpen = false;
    this.chunkRowsLoaded = 0;
    this.chunkRowsRejected = 0;
    this.copied = { rows: 0, letters: 0 };
  }

  /** What was handed over has to be what the server took. @throws ROWS_NOT_CONSERVED */
  private checkCopied(): void {
    const { rows, letters } = this.copied;
    refuseImbalance(`${this.ids.file}, chunk ${this.chunkNumber}`, [
      { left: 'rows written', is: this.chunkRowsLoaded, right: 'taken by COPY', of: rows },
      { left: 'dead letters written', is: this.chunkRowsRejected, right: 'taken by COPY', of: letters },
    ]);
  }

  noteEvent(time: unknown): void {
    if (typeof time !== 'string') return;
    if (this.latestEvent !== undefined && !isLater(time, this.latestEvent)) return;
    if (!isLater(time, this.latestPlausible)) this.latestEvent = time;
  }

  private cutPiece(): void {
    if (this.lines.length === 0) return;
    this.pieces.push(Buffer.from(this.lines.join(this.lineEnd) + this.lineEnd, 'utf8'));
    this.lines = [];
    this.lineCharacters = 0;
  }

  private async open(): Promise<void> {
    if (this.isOpen) return;
    this.chunkNumber += 1;
    await beginChunk(this.session, this.ids, this.chunkNumber);
    this.isOpen = true;
  }

  private async startCopying(): Promise<void> {
    if (this.isCopying) return;
    await this.open();
    this.session.startCopy(this.target);
    this.isCopying = true;
  }

  /** One COPY at a time: the rows' one ends before the dead letters' one starts. */
  private async copyLetters(): Promise<void> {
    if (this.isCopying) this.copied.rows += await this.session.finishCopy();
    this.isCopying = false;
    if (this.letters.length === 0) return;
    await this.open();
    this.session.startCopy(DEAD_LETTER_TARGET);
    let piece = '';
    for (const line of this.letters) {
      piece += line;
      if (piece.length < PIECE_CHARACTERS) continue;
      await this.session.write(Buffer.from(piece, 'utf8'));
      piece = '';
    }
    if (piece !== '') await this.session.write(Buffer.from(piece, 'utf8'));
    this.copied.letters += await this.session.finishCopy();
    this.letters = [];
    this.letterBytes = 0;
  }
}

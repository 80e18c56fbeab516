import { createHash, type Hash } from 'node:crypto';
import type { Dataset } from '../domain/dataset';
import { CsvRecordReader } from './csv-record-reader';
import { OpenQuoteError, type OpenQuotes } from './records';
import type { FileContent } from './file-content';
import { type FileHeader, HeaderReader } from './read-header';
import { type CheckedRows, RowChecker } from './row-checker';

/** A record may have this many fields of the greatest length, if it has as many fields; beyond that it is too long. */
const LONG_FIELDS = { least: 4, most: 8 };
const SEPARATOR_BYTES = 64 * 1024;

/** Where to go on reading; the header is read in any case. */
export interface ReadFrom {
  readonly offset: number;
  readonly line: number;
  readonly rows: number;
}

export interface ReadProgress {
  /** Content read so far. */
  readonly contentBytes: number;
  /** All records before this offset have been handed over. */
  readonly endOffset: number;
  readonly endLine: number;
  readonly rowsRead: number;
}

export interface ReadRowsOptions {
  readonly dataset: Dataset;
  /** As errors name it. */
  readonly file: string;
  readonly content: FileContent;
  readonly maxFieldBytes: number;
  readonly from?: ReadFrom | undefined;
  readonly openQuotes: OpenQuotes;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadResult extends ReadProgress {
  readonly sha256: string;
  readonly header: FileHeader;
}

/** One reading of a file: its header first, then, from where an earlier one got to, its rows. */
class RowReading {
  private readonly hash: Hash = createHash('sha256');
  private readonly headerReader: HeaderReader;
  private header: FileHeader | undefined;
  /** Blocks that the header was found in, from `firstStart` on. */
  private first: Buffer[] = [];
  private firstStart = 0;
  private reader: CsvRecordReader | undefined;
  private checker: RowChecker | undefined;
  private contentBytes = 0;

  constructor(
    private readonly options: ReadRowsOptions,
    private readonly rows: CheckedRows,
  ) {
    this.headerReader = new HeaderReader(options.dataset, options.file);
  }

  feed(block: Buffer): void {
    this.hash.update(block);
    if (this.reader) this.feedRows(block, this.contentBytes);
    else this.feedHeader(block);
    this.contentBytes += block.length;
  }

  end(): void {
    if (!this.header) this.startRows(this.headerReader.end());
    this.reader?.end();
  }

  progress(): ReadProgress {
    return {
      contentBytes: this.contentBytes,
      endOffset: this.reader?.recordEnd ?? 0,
      endLine: this.reader?.nextLine ?? 1,
      rowsRead: this.checker?.rowNumber ?? 0,
    };
  }

  result(): ReadResult {
    if (!this.header) throw new Error('The file has not been read to its end');
    return { ...this.progress(), header: this.header, sha256: this.hash.digest('hex') };
  }

  private feedHeader(block: Buffer): void {
    this.first.push(Buffer.from(block));
    const header = this.headerReader.feed(block);
    if (header) this.startRows(header);
    else this.forgetBlankLines();
  }

  /** Any number of blank lines before the header needs no memory. */
  private forgetBlankLines(): void {
    for (let [block] = this.first; block !== undefined; [block] = this.first) {
      if (this.firstStart + block.length > this.headerReader.startOffset) return;
      this.firstStart += block.length;
      this.first.shift();
    }
  }

  private startRows(header: FileHeader): void {
    this.header = header;
    const { dataset, maxFieldBytes, from, openQuotes } = this.options;
    const longFields = Math.max(LONG_FIELDS.least, Math.min(header.fieldCount, LONG_FIELDS.most));
    const maxRecordBytes = maxFieldBytes * longFields + SEPARATOR_BYTES;
    const rowsBefore = from?.rows ?? 0;
    this.checker = new RowChecker({ dataset, header, maxFieldBytes, maxRecordBytes, rowsBefore }, this.rows);
    this.reader = new CsvRecordReader(
      this.checker,
      { offset: from?.offset ?? header.endOffset, line: from?.line ?? header.nextLine },
      { maxRecordBytes, openQuotes },
    );
    let start = this.firstStart;
    for (const block of this.first) {
      this.feedRows(block, start);
      start += block.length;
    }
    this.first = [];
  }

  /** Passes over what earlier attempts have done. */
  private feedRows(block: Buffer, blockStart: number): void {
    const start = this.options.from?.offset ?? this.header?.endOffset ?? 0;
    const skipped = Math.max(0, start - blockStart);
    if (skipped < block.length) this.reader?.feed(block.subarray(skipped));
  }
}

export interface RowFlow extends CheckedRows {
  /** Called after each block, with no records half handed over. */
  afterBlock(progress: ReadProgress): Promise<void>;
}

/**
 * Reads a file from its first byte, so that the hash is of all of it, and hands over its rows from `from` on.
 * @throws HEADER_*, FILE_EMPTY, FILE_CORRUPT; OpenQuoteError when it has to be read again; the signal's reason
 */
export const readRows = async (options: ReadRowsOptions, flow: RowFlow): Promise<ReadResult> => {
  const reading = new RowReading(options, flow);
  for await (const block of options.content.blocks()) {
    options.signal?.throwIfAborted();
    reading.feed(block);
    await flow.afterBlock(reading.progress());
  }
  reading.end();
  return reading.result();
};

/** A file with more open quotes than this is made to take time; it is not read again for each of them. */
const MAX_OPEN_QUOTES = 8;

/**
 * Reads as often as open quotes make it necessary: each time one more is known, and in the last reading every record
 * that is too long passes for one.
 */
export const readKnowingOpenQuotes = async <T>(read: (openQuotes: OpenQuotes) => Promise<T>): Promise<T> => {
  const openQuotes = new Set<number>();
  for (;;) {
    try {
      return await read(openQuotes.size > MAX_OPEN_QUOTES ? 'any' : openQuotes);
    } catch (error) {
      if (!(error instanceof OpenQuoteError) || openQuotes.has(error.offset)) throw error;
      openQuotes.add(error.offset);
    }
  }
};

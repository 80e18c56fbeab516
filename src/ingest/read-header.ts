import { isUtf8 } from 'node:buffer';
import { type CsvHeader, matchHeader } from '../domain/csv-header';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { CsvRecordReader } from './csv-record-reader';
import { type BrokenRecord, OpenQuoteError } from './records';
import { decodeField } from './field-text';
import { CARRIAGE_RETURN, NEWLINE } from './line-ends';

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const QUOTE = 34;
const MAX_HEADER_BYTES = 1024 * 1024;

export interface FileHeader extends CsvHeader {
  /** Of the decompressed content: where the header's line ends. */
  readonly endOffset: number;
  /** The physical line after the header. */
  readonly nextLine: number;
}

const invalid = (file: string, fact: string): StrataError =>
  new StrataError('HEADER_INVALID', `${file} ${fact}`);

/** Bytes of the byte order mark. @throws HEADER_INVALID for UTF-16 */
const bomLength = (start: Buffer, file: string): number => {
  const isUtf16 = start.length >= 2 && [0xfeff, 0xfffe].includes(start.readUInt16BE(0));
  if (isUtf16) throw invalid(file, 'is written in UTF-16, not in UTF-8');
  return start.subarray(0, UTF8_BOM.length).equals(UTF8_BOM) ? UTF8_BOM.length : 0;
};

const decodeNames = (fields: readonly string[], raw: Buffer, file: string): string[] => {
  if (raw.includes(0)) throw invalid(file, 'has a NUL byte in its header');
  if (!isUtf8(raw)) throw invalid(file, 'has bytes in its header that are not UTF-8');
  return fields.map(decodeField).filter((name) => typeof name === 'string');
};

/** Files of old Macs: one line without an end. */
const checkLineEnds = (raw: Buffer, file: string): void => {
  if (raw.includes(CARRIAGE_RETURN) && !raw.includes(NEWLINE) && !raw.includes(QUOTE))
    throw invalid(file, 'ends its lines with a carriage return alone');
};

type Found = { names: string[] } | { broken: BrokenRecord };

/**
 * Reads a file's header as its blocks come in. Feed it until it answers; the blocks are then to be read again from
 * `endOffset` on.
 */
export class HeaderReader {
  private reader: CsvRecordReader | undefined;
  private start: Buffer = Buffer.alloc(0);
  private found: Found | undefined;
  private place = { endOffset: 0, nextLine: 1 };

  constructor(
    private readonly dataset: Pick<Dataset, 'columns'>,
    private readonly file: string,
  ) {}

  /** @throws HEADER_INVALID, HEADER_DUPLICATE_COLUMN, HEADER_MISSING_COLUMN */
  feed(block: Buffer): FileHeader | undefined {
    if (this.reader) this.read(this.reader, block);
    else {
      this.start = Buffer.concat([this.start, block]);
      if (this.start.length < UTF8_BOM.length) return undefined;
      this.startReader();
    }
    return this.result();
  }

  /** Everything before this offset is blank lines, done with. */
  get startOffset(): number {
    return this.found ? 0 : (this.reader?.recordEnd ?? 0);
  }

  /** The header of a file that has ended. @throws FILE_EMPTY too */
  end(): FileHeader {
    this.read(this.reader ?? this.startReader(), undefined);
    const header = this.result();
    if (!header) throw new StrataError('FILE_EMPTY', `${this.file} has no header line`);
    return header;
  }

  private startReader(): CsvRecordReader {
    const offset = bomLength(this.start, this.file);
    const reader = new CsvRecordReader(
      {
        record: (fields, position) => {
          // The end of the header is the start of what follows it; only the first record counts.
          this.found ??= this.note({ names: this.namesOf(fields, position.rawRecord()) }, reader);
        },
        brokenRecord: (broken) => {
          this.found ??= { broken };
        },
      },
      { offset, line: 1 },
      { maxRecordBytes: MAX_HEADER_BYTES },
    );
    this.reader = reader;
    this.read(reader, this.start.subarray(offset));
    return reader;
  }

  private read(reader: CsvRecordReader, block: Buffer | undefined): void {
    try {
      if (block) reader.feed(block);
      else reader.end();
    } catch (error) {
      // A quote left open in a later record is none of the header's business.
      if (!(error instanceof OpenQuoteError)) throw error;
      if (!this.found) throw this.openQuote();
    }
  }

  private namesOf(fields: readonly string[], raw: Buffer): string[] {
    const names = decodeNames(fields, raw, this.file);
    checkLineEnds(raw, this.file);
    return names;
  }

  private openQuote(): StrataError {
    return invalid(this.file, 'opens a quote in its header that is not closed');
  }

  private badHeader(raw: Buffer, why: string): StrataError {
    checkLineEnds(raw, this.file);
    return invalid(this.file, `has a bad header: ${why}`);
  }

  private note(found: Found, reader: CsvRecordReader): Found {
    this.place = { endOffset: reader.currentEnd, nextLine: reader.nextLine };
    return found;
  }

  private result(): FileHeader | undefined {
    if (!this.found) {
      // Its end may be gigabytes away.
      const long = this.reader?.longRecord;
      if (long?.hasOpenQuote === true) throw this.openQuote();
      if (long) throw this.badHeader(long.start, `the record is longer than ${MAX_HEADER_BYTES} bytes`);
      return undefined;
    }
    if ('broken' in this.found) throw this.badHeader(this.found.broken.bytes, this.found.broken.message);
    return { ...matchHeader(this.dataset, this.found.names, this.file), ...this.place };
  }
}

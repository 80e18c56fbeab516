import { isAscii } from 'node:buffer';
import type { RowErrorCode } from '../domain/columns/field-problem';
import { ByteWindow } from './byte-window';
import { type EndScanner, LineEndScanner, RecordEndScanner } from './record-end-scanner';
import { blankLineBytes, CARRIAGE_RETURN, countNewlines, NEWLINE, withoutLineEnd } from './line-ends';
import {
  OpenQuoteError,
  type ReaderOptions,
  type ReaderStart,
  type RecordPosition,
  type RecordSink,
} from './records';
import { RecordParser } from './record-parser';

/** The parser counts the bytes of fields alone; delimiters and quotes may add this much. */
const DELIMITER_BYTES = 64 * 1024;
/** What is kept of a record that can't be parsed. */
const MAX_KEPT_RECORD_BYTES = 4 * 1024 * 1024;
/**
 * A parser that starts copies its first block: it gets little at first, then ever more, so that a file of nothing but
 * bad quotes, each of which makes it start again, doesn't copy the rest of the block for each of them.
 */
const FIRST_STRIDE = 256;
/** csv-parse doesn't come to its last bytes: they might be the first half of a line end. */
const LOOK_AHEAD_BYTES = 4;
const LONGEST_STRIDE = 64 * 1024;

interface Scan {
  readonly scanner: EndScanner;
  readonly startOffset: number;
  readonly startLine: number;
  readonly code: RowErrorCode;
  readonly message: string;
  readonly kept: Buffer[];
  keptBytes: number;
}

const TOO_LONG = 'CSV_MAX_RECORD_SIZE';
const MESSAGES: Record<string, string> = {
  INVALID_OPENING_QUOTE: 'a quote within an unquoted field',
  CSV_INVALID_CLOSING_QUOTE: 'a closing quote that is followed by neither a comma nor a line end',
  CSV_QUOTE_NOT_CLOSED: 'a quote that is never closed',
};

const isOdd = (bytes: Buffer): boolean => !isAscii(bytes) || bytes.includes(0);

/**
 * Tells a stream of blocks into records, and knows where each one stands. A record with bad quoting is cut at the end
 * of the line on which the bad field starts, and reading goes on with the next line; one that is too long is passed
 * over. Memory is bounded by `maxRecordBytes`, whatever the file.
 */
export class CsvRecordReader implements RecordPosition {
  private readonly parser: RecordParser;
  private parserStart = 0;
  /** How much the parser is given at once. */
  private stride = FIRST_STRIDE;
  private scan: Scan | undefined;
  private readonly window: ByteWindow;
  /** Everything before it has been parsed or scanned. */
  private position: number;
  /** Where the records handed over so far end. */
  recordEnd: number;
  /** The physical line that starts at `recordEnd`. */
  nextLine: number;
  private startOffset = 0;
  /** Where the record at hand ends. */
  currentEnd = 0;
  private keptIsOdd = false;
  startLine = 0;
  mayHaveOddBytes = false;

  constructor(
    private readonly sink: RecordSink,
    start: ReaderStart,
    private readonly options: ReaderOptions,
  ) {
    this.window = new ByteWindow(start.offset);
    this.position = start.offset;
    this.recordEnd = start.offset;
    this.nextLine = start.line;
    this.parserStart = start.offset;
    this.parser = new RecordParser(options.maxRecordBytes, (fields) => this.takeFields(fields));
  }

  /** Parses one more block, whose memory may be reused afterwards. @throws OpenQuoteError */
  feed(block: Buffer): void {
    const blockStart = this.window.end;
    this.window.push(block);
    this.mayHaveOddBytes = this.keptIsOdd || isOdd(block);
    this.advance();
    this.skipBlankLines();
    this.boundRecord();
    const keepFrom = this.scan ? this.position : this.recordEnd;
    const isKept = keepFrom < blockStart && this.keptIsOdd;
    this.keptIsOdd = isKept || isOdd(block.subarray(Math.max(0, keepFrom - blockStart)));
    this.window.keepFrom(keepFrom);
  }

  /** Parses what is left when the file has ended. @throws OpenQuoteError */
  end(): void {
    this.mayHaveOddBytes = this.keptIsOdd;
    for (;;) {
      this.advance();
      if (this.scan) {
        if (this.scan.scanner.hasOpenQuote) throw new OpenQuoteError(this.scan.startOffset);
        this.finishScan(this.scan);
        return;
      }
      const error = this.parser.finish();
      if (!error) {
        this.skipBlankLines();
        return;
      }
      this.recover(error.code);
    }
  }

  /** A record too long to be kept, while its end is looked for: its beginning, and whether a quote is open in it. */
  get longRecord(): { readonly start: Buffer; readonly hasOpenQuote: boolean } | undefined {
    if (this.scan?.code !== 'RECORD_TOO_LONG') return undefined;
    return { start: Buffer.concat(this.scan.kept), hasOpenQuote: this.scan.scanner.hasOpenQuote };
  }

  rawRecord(): Buffer {
    return withoutLineEnd(this.window.slice(this.startOffset, this.currentEnd));
  }

  private restartParser(): void {
    this.parserStart = this.position;
    this.stride = FIRST_STRIDE;
    this.parser.restart();
  }

  private advance(): void {
    while (this.position < this.window.end) {
      if (this.scan) this.scanOn(this.scan, this.window.slice(this.position, this.window.end));
      else if (!this.takeLines()) this.parseOn();
    }
  }

  /** Lets the sink take lines the fast way, where a record begins; false when it took none. */
  private takeLines(): boolean {
    if (!this.sink.takeLines || this.position !== this.recordEnd || this.position !== this.parserStart)
      return false;
    const { bytes, lines } = this.sink.takeLines(this.window.slice(this.position, this.window.end));
    if (bytes === 0) return false;
    this.position += bytes;
    this.parserStart = this.position;
    this.recordEnd = this.position;
    this.nextLine += lines;
    // Where it takes little at a time, the parser gets ever more of what it leaves.
    if (bytes >= FIRST_STRIDE) this.stride = FIRST_STRIDE;
    return true;
  }

  /** Goes back to where the parser's last record ended: the sink may take what follows. */
  private leaveParser(): void {
    if (this.scan || !this.sink.takeLines || this.recordEnd <= this.parserStart) return;
    this.position = this.recordEnd;
    this.parserStart = this.position;
    this.parser.restart();
  }

  private parseOn(): void {
    const to = Math.min(this.window.end, this.position + this.strideOf());
    const bytes = this.window.slice(this.position, to);
    this.stride = Math.min(this.stride * 2, LONGEST_STRIDE);
    this.position = to;
    const error = this.parser.parse(bytes);
    if (error) this.recover(error.code);
    else this.leaveParser();
  }

  /** After lines that the sink took, the parser is to get one line, and what it looks ahead by. */
  private strideOf(): number {
    if (this.stride > FIRST_STRIDE || this.position !== this.parserStart || !this.sink.takeLines)
      return this.stride;
    const end = this.window.latest.indexOf(NEWLINE, Math.max(0, this.window.indexInBlock(this.position)));
    const lineBytes = end - this.window.indexInBlock(this.position) + 1 + LOOK_AHEAD_BYTES;
    return end < 0 ? this.stride : Math.min(lineBytes, this.stride);
  }

  private takeFields(fields: string[]): void {
    this.currentEnd = this.parserStart + this.parser.info.bytes;
    this.locate();
    this.sink.record(fields, this);
    this.recordEnd = this.currentEnd;
  }

  /** Finds the first byte and line of the record that ends at `currentEnd`, and the line after it. */
  private locate(): void {
    const block = this.window.latest;
    const from = this.window.indexInBlock(this.recordEnd);
    const first = from >= 0 ? block[from] : NEWLINE;
    const isOneLine =
      first !== NEWLINE &&
      first !== CARRIAGE_RETURN &&
      block.indexOf(NEWLINE, from) === this.window.indexInBlock(this.currentEnd) - 1;
    if (isOneLine) {
      this.startOffset = this.recordEnd;
      this.startLine = this.nextLine;
      this.nextLine += 1;
      return;
    }
    const newlines = countNewlines(this.window.slice(this.recordEnd, this.currentEnd));
    this.locateStart(this.currentEnd);
    this.nextLine += newlines;
  }

  private locateStart(to: number): void {
    const bytes = this.window.slice(this.recordEnd, to);
    const blanks = blankLineBytes(bytes);
    this.startOffset = this.recordEnd + blanks;
    this.startLine = this.nextLine + countNewlines(bytes.subarray(0, blanks));
  }

  /** Gives up on the record that the parser stumbled over: finds where it ends by other means. */
  private recover(parserCode: string): void {
    this.locateStart(this.window.end);
    const { startOffset } = this;
    const { maxRecordBytes, openQuotes } = this.options;
    const isOpenQuote = openQuotes === 'any' || openQuotes?.has(startOffset) === true;
    if (parserCode === TOO_LONG && !isOpenQuote) {
      const message = `the record is longer than ${maxRecordBytes} bytes`;
      this.startScan(startOffset, new RecordEndScanner(), { code: 'RECORD_TOO_LONG', message });
      return;
    }
    // The parser notes the offset of each comma: the bad field starts after the last one.
    const fieldStart = Math.max(startOffset, this.parserStart + this.parser.info.bytes);
    const before = countNewlines(this.window.slice(startOffset, fieldStart));
    this.startScan(fieldStart, new LineEndScanner(before), {
      code: 'INVALID_QUOTING',
      message: MESSAGES[parserCode] ?? 'a quote that is not closed in order',
    });
  }

  /** A record of nothing but delimiters has no length for the parser, but takes its memory. */
  private boundRecord(): void {
    const recordBytes = this.window.end - this.recordEnd;
    if (this.scan || recordBytes <= this.options.maxRecordBytes + DELIMITER_BYTES) return;
    this.recover(TOO_LONG);
    this.advance();
  }

  private startScan(from: number, scanner: EndScanner, problem: Pick<Scan, 'code' | 'message'>): void {
    const { startOffset, startLine } = this;
    const before = Buffer.from(this.window.slice(startOffset, from));
    this.scan = { scanner, startOffset, startLine, ...problem, kept: [before], keptBytes: before.length };
    this.position = from;
  }

  private scanOn(scan: Scan, bytes: Buffer): void {
    const end = scan.scanner.scan(bytes);
    if (scan.scanner.hasStrayQuote) throw new OpenQuoteError(scan.startOffset);
    const passed = end === -1 ? bytes : bytes.subarray(0, end);
    const kept = Buffer.from(passed.subarray(0, Math.max(0, MAX_KEPT_RECORD_BYTES - scan.keptBytes)));
    if (kept.length > 0) scan.kept.push(kept);
    scan.keptBytes += kept.length;
    this.position += passed.length;
    if (end !== -1) this.finishScan(scan);
  }

  private finishScan(scan: Scan): void {
    this.scan = undefined;
    const { code, message, startLine, startOffset } = scan;
    const bytes = withoutLineEnd(Buffer.concat(scan.kept));
    this.sink.brokenRecord({ code, message, startLine, bytes, byteLength: this.position - startOffset });
    this.nextLine = startLine + scan.scanner.newlines;
    this.recordEnd = this.position;
    this.restartParser();
  }

  /** Counts blank lines as done, so that any number of them needs no memory. */
  private skipBlankLines(): void {
    if (this.scan) return;
    const first = this.window.byteAt(this.recordEnd);
    if (first !== NEWLINE && first !== CARRIAGE_RETURN) return;
    const bytes = this.window.slice(this.recordEnd, this.window.end);
    const blanks = blankLineBytes(bytes);
    this.nextLine += countNewlines(bytes.subarray(0, blanks));
    this.recordEnd += blanks;
  }
}

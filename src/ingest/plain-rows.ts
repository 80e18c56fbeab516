import { isUtf8 } from 'node:buffer';
import { MAX_ID_BYTES } from '../domain/columns/column';
import { type PlainColumn, UNSURE } from '../domain/columns/plain-field';
import type { CsvHeader } from '../domain/csv-header';
import type { Dataset, PlainContract } from '../domain/dataset';
import type { RowRule } from '../domain/dataset-row-rule';
import { CopyPieces } from './copy-pieces';
import { NEWLINE } from './line-ends';
import { endOfLine, PlainLine } from './plain-lines';
import type { LinesTaken } from './records';

/** Where plain rows go. */
export interface PlainRowSink {
  /** What each row ends with, its line end included. */
  readonly rowEnd: Uint8Array;
  /** Rows in COPY's text format; the memory is the sink's. */
  plainRows(bytes: Buffer, rows: number): void;
  /** The event time of a good row. */
  noteEvent(time: unknown): void;
}

export interface PlainRowsOptions {
  readonly dataset: Dataset;
  readonly header: CsvHeader;
  readonly maxFieldBytes: number;
  readonly maxRecordBytes: number;
}

interface PlacedRule {
  readonly isGood: RowRule['isGood'];
  readonly places: readonly { readonly name: string; readonly column: number }[];
}

/** The text of a value that isn't as it stands in the file. */
const IS_TEXT = -2;
const IS_NULL = -3;

/**
 * The fast way of good rows: from the bytes of a line straight to COPY's text format. It takes a row only when the line
 * is plain and each field surely good; the first line of which it isn't sure it leaves, and all that is said of bad rows
 * is said by `RowChecker`. What both take, both make the same of (test/property/ingest/plain-rows.property.test.ts).
 */
export class PlainRows {
  private readonly line: PlainLine;
  private readonly pieces: CopyPieces;
  private readonly columns: readonly PlainColumn[];
  private readonly fieldOf: readonly number[];
  private readonly maxBytesOf: readonly number[];
  private readonly rules: readonly PlacedRule[];
  private readonly eventColumn: number;
  /** By column: where the value ends that is copied as it stands, else `IS_TEXT` or `IS_NULL`. */
  private readonly valueEnds: Int32Array;
  private readonly endings: string[];
  private bytes: Buffer = Buffer.alloc(0);
  /** The latin1 reading of `bytes`; made when the first text of it is asked for. */
  private text: string | undefined;

  /** Undefined where a row needs more than its bytes: a contract that only zod can check, columns beyond it. */
  static of(options: PlainRowsOptions, sink: PlainRowSink): PlainRows | undefined {
    const { plain } = options.dataset;
    if (plain === undefined || options.header.extraColumns.length > 0) return undefined;
    return new PlainRows(plain, options, sink);
  }

  private constructor(
    contract: PlainContract,
    private readonly options: PlainRowsOptions,
    private readonly sink: PlainRowSink,
  ) {
    const { dataset, header, maxFieldBytes } = options;
    this.line = new PlainLine(header.fieldCount);
    this.pieces = new CopyPieces(sink);
    this.columns = contract.columns;
    this.fieldOf = header.columnIndexes;
    this.maxBytesOf = contract.columns.map((_, column) =>
      contract.keyTexts.includes(column) ? Math.min(MAX_ID_BYTES, maxFieldBytes) : maxFieldBytes,
    );
    this.rules = contract.rules.map(({ columns, isGood }) => ({
      isGood,
      places: columns
        .map((name) => ({ name, column: dataset.columns.findIndex((c) => c.name === name) }))
        .filter(({ column }) => column >= 0),
    }));
    this.eventColumn = dataset.columns.findIndex(({ name }) => name === dataset.eventTime);
    this.valueEnds = new Int32Array(contract.columns.length);
    this.endings = contract.columns.map(() => '');
  }

  /** Takes rows from the start of `bytes` on, numbering them from `rowsBefore` + 1, until one isn't plain or ends not. */
  take(bytes: Buffer, rowsBefore: number): LinesTaken & { readonly rows: number } {
    this.bytes = bytes;
    this.text = undefined;
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    let [at, lines, rows] = [0, 0, 0];
    while (at < end) {
      let next = endOfLine(bytes, at);
      if (next < 0) {
        next = this.takeRow(at, rowsBefore + rows + 1);
        if (next < 0) break;
        rows += 1;
      }
      lines += 1;
      at = next;
    }
    this.pieces.flush();
    return { bytes: at, lines, rows };
  }

  private takeRow(at: number, rowNumber: number): number {
    const next = this.line.read(this.bytes, at);
    if (next < 0 || next - at > this.options.maxRecordBytes) return -1;
    if (!this.pieces.hasRoomFor(next - at, this.columns.length)) return -1;
    for (let column = 0; column < this.columns.length; column += 1) if (!this.checkColumn(column)) return -1;
    if (!this.obeysRules()) return -1;
    if (this.eventColumn >= 0) this.sink.noteEvent(this.valueOf(this.eventColumn));
    this.write(rowNumber);
    return next;
  }

  /** Checks the column's field, and notes what of it goes into COPY. */
  private checkColumn(column: number): boolean {
    const { isNullable, isAnyText, forms } = this.columns[column] as PlainColumn;
    const field = this.fieldOf[column] as number;
    const from = this.line.starts[field] as number;
    const to = this.line.ends[field] as number;
    if (to - from > (this.maxBytesOf[column] as number)) return false;
    if (from === to) {
      this.valueEnds[column] = IS_NULL;
      return isNullable;
    }
    if (this.line.isOdd[field] === 1 && !(isAnyText && isUtf8(this.bytes.subarray(from, to)))) return false;
    for (const { check, ending } of forms) {
      const end = check(this.bytes, from, to);
      if (end === UNSURE) continue;
      this.valueEnds[column] = end;
      this.endings[column] = ending;
      return true;
    }
    return this.readColumn(column, from, to);
  }

  /** As the schema reads the text: rarer forms of good values. */
  private readColumn(column: number, from: number, to: number): boolean {
    const value = (this.columns[column] as PlainColumn).read(this.textOf(from, to));
    if (value !== null && typeof value !== 'string') return false;
    this.valueEnds[column] = value === null ? IS_NULL : IS_TEXT;
    this.endings[column] = value ?? '';
    return true;
  }

  private textOf(from: number, to: number): string {
    this.text ??= this.bytes.toString('latin1');
    return this.text.substring(from, to);
  }

  /** The column's value as `checkRow` gives it; for fields of ASCII alone. */
  private valueOf(column: number): string | null {
    const end = this.valueEnds[column] as number;
    if (end === IS_NULL) return null;
    const ending = this.endings[column] as string;
    if (end === IS_TEXT) return ending;
    const text = this.textOf(this.line.starts[this.fieldOf[column] as number] as number, end);
    return ending === '' ? text : text + ending;
  }

  private obeysRules(): boolean {
    for (const { isGood, places } of this.rules) {
      const row: Record<string, string | null> = {};
      for (const { name, column } of places) {
        // Rules see texts, and only `RowChecker` makes those of more than ASCII.
        if (this.line.isOdd[this.fieldOf[column] as number] === 1) return false;
        row[name] = this.valueOf(column);
      }
      if (!isGood(row)) return false;
    }
    return true;
  }

  private write(rowNumber: number): void {
    const { pieces, bytes, line, fieldOf, valueEnds, endings } = this;
    for (let column = 0; column < valueEnds.length; column += 1) {
      const end = valueEnds[column] as number;
      if (end === IS_NULL) pieces.addNull();
      else if (end === IS_TEXT) pieces.addText(endings[column] as string);
      else {
        pieces.addBytes(bytes, line.starts[fieldOf[column] as number] as number, end);
        if (endings[column] !== '') pieces.addText(endings[column] as string);
      }
      pieces.addTab();
    }
    pieces.endRow(rowNumber);
  }
}

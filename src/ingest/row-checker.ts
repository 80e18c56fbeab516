import { countOf } from '../domain/count-of';
import type { CsvHeader } from '../domain/csv-header';
import { shownName } from '../domain/columns/field-problem';
import type { Dataset, RowFailure } from '../domain/dataset';
import { COPY_NULL, copyValue } from './copy-text';
import { PlainRows, type PlainRowSink } from './plain-rows';
import type { BrokenRecord, LinesTaken, RecordPosition, RecordSink } from './records';
import { type DeadLetter, makeDeadLetter } from './dead-letter';
import { decodeField } from './field-text';

export interface CheckedRows {
  /**
   * A good row in COPY's text format: the dataset's columns, then `_row_number` and `_extra`; no line end. `row` has its
   * checked values.
   */
  goodRow(copyLine: string, row: Readonly<Record<string, unknown>>): void;
  badRow(letter: DeadLetter): void;
  /** Where good rows may go by the fast way, if that is wanted. */
  readonly plain?: PlainRowSink | undefined;
}

export interface RowCheckerOptions {
  readonly dataset: Dataset;
  readonly header: CsvHeader;
  readonly maxFieldBytes: number;
  readonly maxRecordBytes?: number;
  /** Records of the file before the first one to be checked. */
  readonly rowsBefore: number;
}

const NOTHING_TAKEN: LinesTaken = { bytes: 0, lines: 0 };

const fieldNames = ({ header, dataset }: RowCheckerOptions): string[] => {
  const names = Array.from({ length: header.fieldCount }, (_, index) => `field ${index + 1}`);
  for (const { name, index } of header.extraColumns) names[index] = shownName(name);
  for (const [column, index] of header.columnIndexes.entries())
    names[index] = dataset.columns[column]?.name ?? '';
  return names;
};

/** Turns records into rows that PostgreSQL can take, or dead letters; numbers both from 1. */
export class RowChecker implements RecordSink {
  rowNumber: number;
  private readonly columnNames: readonly string[];
  private readonly extraKeys: readonly string[];
  /** What to call a field in an error: its column, or its place. */
  private readonly fieldNames: readonly string[];
  /** Of the row at hand; one array for all of them. */
  private readonly copyValues: string[] = [];
  private readonly plainRows: PlainRows | undefined;

  constructor(
    private readonly options: RowCheckerOptions,
    private readonly rows: CheckedRows,
  ) {
    this.rowNumber = options.rowsBefore;
    this.columnNames = options.dataset.columns.map((column) => column.name);
    this.extraKeys = options.header.extraColumns.map((extra) => JSON.stringify(extra.name));
    this.fieldNames = fieldNames(options);
    const { maxRecordBytes = Infinity } = options;
    this.plainRows = rows.plain && PlainRows.of({ ...options, maxRecordBytes }, rows.plain);
  }

  takeLines(bytes: Buffer): LinesTaken {
    if (!this.plainRows) return NOTHING_TAKEN;
    const taken = this.plainRows.take(bytes, this.rowNumber);
    this.rowNumber += taken.rows;
    return taken;
  }

  record(fields: string[], position: RecordPosition): void {
    this.rowNumber += 1;
    const { fieldCount } = this.options.header;
    if (fields.length !== fieldCount) {
      const message = `the row has ${countOf(fields.length, 'field')}, the header has ${fieldCount}`;
      this.refuse(position, [{ code: 'WRONG_FIELD_COUNT', message }]);
      return;
    }
    const failures: RowFailure[] = [];
    if (position.mayHaveOddBytes) this.decode(fields, failures);
    this.checkLengths(fields, failures);
    this.check(fields, position, failures);
  }

  brokenRecord(broken: BrokenRecord): void {
    this.rowNumber += 1;
    const { startLine: lineNumber, bytes, byteLength, code, message } = broken;
    const { rowNumber } = this;
    const failures = [{ code, message }];
    this.rows.badRow(makeDeadLetter({ lineNumber, rowNumber, bytes, byteLength, failures }));
  }

  /** Replaces latin1 readings by texts; notes the fields whose bytes are no text. */
  private decode(fields: string[], failures: RowFailure[]): void {
    for (const [index, field] of fields.entries()) {
      const text = decodeField(field);
      if (typeof text === 'string') fields[index] = text;
      else failures.push({ column: this.fieldNames[index], ...text });
    }
  }

  private checkLengths(fields: readonly string[], failures: RowFailure[]): void {
    const { maxFieldBytes } = this.options;
    for (let index = 0; index < fields.length; index += 1) {
      const field = fields[index] ?? '';
      // A character of a text takes at most three bytes; the exact length is counted only near the limit.
      if (field.length * 3 <= maxFieldBytes || Buffer.byteLength(field) <= maxFieldBytes) continue;
      const column = this.fieldNames[index];
      if (failures.some((failure) => failure.column === column)) continue;
      failures.push({ column, code: 'FIELD_TOO_LONG', message: `is longer than ${maxFieldBytes} bytes` });
    }
  }

  private check(fields: readonly string[], position: RecordPosition, failures: RowFailure[]): void {
    const { dataset, header } = this.options;
    const texts: Record<string, string> = {};
    const names = this.columnNames;
    for (let column = 0; column < names.length; column += 1)
      texts[names[column] as string] = fields[header.columnIndexes[column] as number] as string;
    const checked = dataset.checkRow(texts);
    if (checked.ok && failures.length === 0) this.accept(checked.row, fields);
    else {
      const found = checked.ok ? [] : checked.failures;
      const known = new Set(failures.map((failure) => failure.column));
      this.refuse(position, [...failures, ...found.filter(({ column }) => !column || !known.has(column))]);
    }
  }

  private accept(row: Readonly<Record<string, unknown>>, fields: readonly string[]): void {
    const names = this.columnNames;
    const values = this.copyValues;
    for (let column = 0; column < names.length; column += 1)
      values[column] = copyValue(row[names[column] as string]);
    values[names.length] = String(this.rowNumber);
    values[names.length + 1] = this.extraJson(fields);
    // Joined at once: a string put together piece by piece keeps all its pieces alive.
    this.rows.goodRow(values.join('\t'), row);
  }

  private extraJson(fields: readonly string[]): string {
    const { extraColumns } = this.options.header;
    if (extraColumns.length === 0) return COPY_NULL;
    const members = extraColumns.map(
      ({ index }, nth) => `${this.extraKeys[nth]}:${JSON.stringify(fields[index])}`,
    );
    return copyValue(`{${members.join(',')}}`);
  }

  private refuse(position: RecordPosition, failures: readonly RowFailure[]): void {
    const bytes = position.rawRecord();
    const { startLine: lineNumber } = position;
    const { rowNumber } = this;
    this.rows.badRow(makeDeadLetter({ lineNumber, rowNumber, bytes, byteLength: bytes.length, failures }));
  }
}

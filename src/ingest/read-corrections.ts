import type { Correction } from '../domain/correction';
import { StrataError } from '../domain/errors';
import { valueOfCell } from '../domain/spreadsheet-cell';
import { CsvRecordReader } from './csv-record-reader';
import { LETTER_ERROR_COLUMN, LETTER_ID_COLUMN } from './export-letters';
import { decodeField } from './field-text';
import { contentOf } from './file-content';
import { openFile } from './open-file';
import { OpenQuoteError } from './records';

/** A line of a mended export. */
export interface WrittenLetter {
  readonly id: string;
  readonly texts: Correction;
}

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const BYTE_ORDER_MARK = '\ufeff';

/** Tells the lines of a mended export into letters. Errors name lines and columns, never values. */
class CorrectionLines {
  private header: readonly string[] | undefined;
  private readonly seen = new Set<string>();
  private found: WrittenLetter[] = [];

  constructor(private readonly file: string) {}

  record(fields: readonly string[], line: number): void {
    const cells = fields.map((field) => this.decode(field, line));
    if (this.header === undefined) this.header = this.checkHeader(cells);
    else if (cells.some((cell) => cell !== '')) this.found.push(this.letterOf(this.header, cells, line));
  }

  fail(fact: string): StrataError {
    return new StrataError('CORRECTION_INVALID', `${this.file} ${fact}`);
  }

  take(): WrittenLetter[] {
    const { found } = this;
    this.found = [];
    return found;
  }

  private decode(latin1: string, line: number): string {
    const text = decodeField(latin1);
    if (typeof text === 'string') return text;
    throw this.fail(`has a field in line ${line} that ${text.message}`);
  }

  private checkHeader(cells: readonly string[]): string[] {
    const [first = '', ...rest] = cells;
    const names = [first.startsWith(BYTE_ORDER_MARK) ? first.slice(1) : first, ...rest].map(valueOfCell);
    if (!names.includes(LETTER_ID_COLUMN))
      throw this.fail(
        `has no column ${LETTER_ID_COLUMN}: it is no export of dead letters, or not comma-separated`,
      );
    if (new Set(names).size < names.length) throw this.fail('names a column twice');
    return names;
  }

  private letterOf(header: readonly string[], cells: readonly string[], line: number): WrittenLetter {
    if (cells.length !== header.length)
      throw this.fail(`has ${cells.length} fields in line ${line}, its header has ${header.length}`);
    const pairs = header.map((name, index) => [name, valueOfCell(cells[index] ?? '')] as const);
    const id = pairs.find(([name]) => name === LETTER_ID_COLUMN)?.[1] ?? '';
    if (!/^\d{1,18}$/.test(id)) throw this.fail(`has no id of a dead letter in line ${line}`);
    if (this.seen.has(id)) throw this.fail(`has dead letter ${id} twice, in line ${line} again`);
    this.seen.add(id);
    const own = pairs.filter(([name]) => name !== LETTER_ID_COLUMN && name !== LETTER_ERROR_COLUMN);
    return { id, texts: Object.fromEntries(own) };
  }
}

/** The letters of a mended export, some at a time. @throws CORRECTION_INVALID, FILE_* */
export async function* readCorrections(file: string): AsyncGenerator<readonly WrittenLetter[]> {
  const lines = new CorrectionLines(file);
  const reader: CsvRecordReader = new CsvRecordReader(
    {
      record: (fields, { startLine }) => {
        lines.record(fields, startLine);
      },
      brokenRecord: ({ startLine, message }) => {
        throw lines.fail(`can't be read in line ${startLine}: ${message}`);
      },
    },
    { offset: 0, line: 1 },
    { maxRecordBytes: MAX_RECORD_BYTES },
  );
  const opened = await openFile(file);
  try {
    for await (const block of (await contentOf(opened)).blocks()) {
      reader.feed(block);
      yield lines.take();
    }
    reader.end();
    yield lines.take();
  } catch (error) {
    throw error instanceof OpenQuoteError ? lines.fail('opens a quote that is never closed') : error;
  } finally {
    await opened.close();
  }
}

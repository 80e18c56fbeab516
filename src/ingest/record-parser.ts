import { type CsvError, Parser } from 'csv-parse';

/**
 * csv-parse, driven by hand: each block is parsed to its end by the call that gives it, and each record handed over
 * as it is found. No stream in between: that would cost more than the parsing.
 */
export class RecordParser extends Parser {
  private isFirst = true;

  /** Fields are the latin1 reading of their bytes: nothing is lost, and ASCII is already right. */
  constructor(
    maxRecordBytes: number,
    private readonly onFields: (fields: string[]) => void,
  ) {
    super({
      encoding: 'latin1',
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxRecordBytes,
    });
  }

  /** Where csv-parse's `Transform` delivers. */
  override push(fields: string[] | null): boolean {
    if (fields !== null) this.onFields(fields);
    return true;
  }

  /** Parses one more block, whose memory may be reused afterwards. An error means that the parser can't go on. */
  parse(block: Buffer): CsvError | undefined {
    let failure: CsvError | undefined;
    // csv-parse keeps a view on the end of its first block; later ones it copies.
    const bytes = this.isFirst ? Buffer.from(block) : block;
    this.isFirst = false;
    this._transform(bytes, 'buffer' as BufferEncoding, (error) => {
      failure = (error as CsvError | null) ?? undefined;
    });
    return failure;
  }

  /** Parses what is left at the end of the file. */
  finish(): CsvError | undefined {
    let failure: CsvError | undefined;
    this._flush((error) => {
      failure = (error as CsvError | null) ?? undefined;
    });
    return failure;
  }
}

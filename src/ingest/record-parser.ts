import { type CsvError, Parser } from 'csv-parse';

/** What csv-parse keeps while it parses; its types don't name it. */
interface ParserState {
  readonly field: { reset(): void };
  readonly rawBuffer: { reset(): void };
}

interface Internals {
  readonly api: { __infoField: () => object };
  readonly state: ParserState;
}

const NO_INFO = {};

/**
 * csv-parse, driven by hand: each block is parsed to its end by the call that gives it, and each record handed over
 * as it is found. No stream in between: that would cost more than the parsing.
 */
export class RecordParser extends Parser {
  private isFirst = true;
  private readonly initial: { readonly state: ParserState; readonly info: object };

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
    // What its errors would say of the place is told better by the reader, and takes long to put together.
    (this as unknown as Internals).api.__infoField = () => NO_INFO;
    this.initial = { state: { ...this.parserState() }, info: { ...this.info } };
  }

  /** Forgets all that it was given. A file of bad quotes needs this for every line, and a new parser costs 30 µs. */
  restart(): void {
    const state = this.parserState();
    Object.assign(state, this.initial.state, { record: [] });
    state.field.reset();
    state.rawBuffer.reset();
    Object.assign(this.info, this.initial.info);
    this.isFirst = true;
  }

  private parserState(): ParserState {
    return (this as unknown as Internals).state;
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

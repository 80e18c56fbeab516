const PIECE_BYTES = 256 * 1024;
const ZERO = 48;
const TAB = 9;
const BACKSLASH = 92;
const UPPER_N = 78;
/** A row number has at most 16 digits; a value may get the name of a time zone. */
const NUMBER_BYTES = 16;
const VALUE_EXTRA_BYTES = 64;

export interface PieceSink {
  /** What each row ends with. */
  readonly rowEnd: Uint8Array;
  plainRows(bytes: Buffer, rows: number): void;
}

/** Puts rows of COPY's text format together, byte by byte, in pieces that are handed over filled. */
export class CopyPieces {
  private piece: Buffer = Buffer.alloc(0);
  private from = 0;
  private at = 0;
  private rows = 0;

  constructor(private readonly sink: PieceSink) {}

  /** Makes room for a row whose line has so many bytes; false when it is too long for a piece. */
  hasRoomFor(lineBytes: number, columns: number): boolean {
    const needed = lineBytes + columns * VALUE_EXTRA_BYTES + NUMBER_BYTES + this.sink.rowEnd.length;
    if (this.at + needed <= this.piece.length) return true;
    if (needed > PIECE_BYTES) return false;
    this.flush();
    this.piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.from = 0;
    this.at = 0;
    return true;
  }

  addBytes(bytes: Uint8Array, from: number, to: number): void {
    const { piece } = this;
    let { at } = this;
    for (let index = from; index < to; index += 1) piece[at++] = bytes[index] as number;
    this.at = at;
  }

  /** Of ASCII. */
  addText(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.piece[this.at++] = text.charCodeAt(index);
  }

  addNull(): void {
    this.piece[this.at++] = BACKSLASH;
    this.piece[this.at++] = UPPER_N;
  }

  addTab(): void {
    this.piece[this.at++] = TAB;
  }

  /** `_row_number`, an empty `_extra`, and what each row ends with. */
  endRow(rowNumber: number): void {
    this.addNumber(rowNumber);
    this.addTab();
    this.addNull();
    this.addBytes(this.sink.rowEnd, 0, this.sink.rowEnd.length);
    this.rows += 1;
  }

  /** Hands over what has gathered. */
  flush(): void {
    if (this.rows > 0) this.sink.plainRows(this.piece.subarray(this.from, this.at), this.rows);
    this.from = this.at;
    this.rows = 0;
  }

  private addNumber(value: number): void {
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits += 1;
    let rest = value;
    for (let index = this.at + digits - 1; index >= this.at; index -= 1) {
      const next = Math.floor(rest / 10);
      this.piece[index] = ZERO + rest - next * 10;
      rest = next;
    }
    this.at += digits;
  }
}

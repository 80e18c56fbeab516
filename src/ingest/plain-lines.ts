import { CARRIAGE_RETURN, NEWLINE } from './line-ends';

const COMMA = 44;
const QUOTE = 34;
const BACKSLASH = 92;
const TAB = 9;
const FIRST_BEYOND_ASCII = 128;

/** What a byte means within a line: nothing, not ASCII, or something to look at. */
const ORDINARY = 0;
const BEYOND_ASCII = 1;
const SPECIAL = 2;

const kindsOfBytes = (): Uint8Array => {
  const kinds = new Uint8Array(256);
  kinds.fill(BEYOND_ASCII, FIRST_BEYOND_ASCII);
  for (const byte of [0, TAB, NEWLINE, CARRIAGE_RETURN, QUOTE, COMMA, BACKSLASH]) kinds[byte] = SPECIAL;
  return kinds;
};

const KINDS = kindsOfBytes();

/**
 * Tells a line into its fields by its bytes, where that is plain: nothing that COPY would have to escape, quotes only
 * around whole fields and none within, and as many fields as there should be. csv-parse would make the same of it.
 */
export class PlainLine {
  /** Where each field's text starts and ends, quotes left off. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Whether some field, and which, has bytes beyond ASCII. */
  hasOdd = false;
  readonly isOdd: Uint8Array;

  constructor(private readonly fieldCount: number) {
    this.starts = new Int32Array(fieldCount);
    this.ends = new Int32Array(fieldCount);
    this.isOdd = new Uint8Array(fieldCount);
  }

  /**
   * Reads the line at `from`, of which the end is among the bytes; the index after its line end, or -1 when it isn't
   * plain.
   */
  read(bytes: Uint8Array, from: number): number {
    if (this.hasOdd) this.isOdd.fill(0);
    this.hasOdd = false;
    let at = from;
    for (let field = 0; field < this.fieldCount; field += 1) {
      const end =
        bytes[at] === QUOTE ? this.readQuoted(bytes, at + 1, field) : this.readBare(bytes, at, field);
      if (end < 0) return -1;
      if (field + 1 === this.fieldCount) return endOfLine(bytes, end);
      if (bytes[end] !== COMMA) return -1;
      at = end + 1;
    }
    return -1;
  }

  private readBare(bytes: Uint8Array, from: number, field: number): number {
    let at = from;
    for (;;) {
      const kind = KINDS[bytes[at] as number];
      if (kind === ORDINARY) at += 1;
      else if (kind === BEYOND_ASCII) {
        this.noteOdd(field);
        at += 1;
      } else break;
    }
    this.starts[field] = from;
    this.ends[field] = at;
    return at;
  }

  /** Commas may stand within quotes; line ends too, but then the line isn't plain. */
  private readQuoted(bytes: Uint8Array, from: number, field: number): number {
    let at = from;
    for (; bytes[at] !== QUOTE; at += 1) {
      const byte = bytes[at] as number;
      const kind = KINDS[byte];
      if (kind === BEYOND_ASCII) this.noteOdd(field);
      else if (kind === SPECIAL && byte !== COMMA) return -1;
    }
    this.starts[field] = from;
    this.ends[field] = at;
    return at + 1;
  }

  private noteOdd(field: number): void {
    this.hasOdd = true;
    this.isOdd[field] = 1;
  }
}

/** The index after the LF or CRLF at `at`, or -1. */
export const endOfLine = (bytes: Uint8Array, at: number): number => {
  if (bytes[at] === NEWLINE) return at + 1;
  return bytes[at] === CARRIAGE_RETURN && bytes[at + 1] === NEWLINE ? at + 2 : -1;
};

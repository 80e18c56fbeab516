import { CARRIAGE_RETURN, countNewlines, NEWLINE } from './line-ends';

const QUOTE = 34;
const COMMA = 44;

type State = 'field-start' | 'unquoted' | 'quoted' | 'quote-in-quoted';

/** Looks for the end of a record, block by block. */
export interface EndScanner {
  /** Line ends passed so far. */
  readonly newlines: number;
  /** Index in `bytes` after the record's last byte, its line end included; -1 when it goes on. */
  scan(bytes: Buffer): number;
  /** Whether the quotes passed so far make no sense if the file ended here. */
  readonly hasOpenQuote: boolean;
  /** Whether a character other than a comma or a line end followed a closing quote. */
  readonly hasStrayQuote: boolean;
}

/** Finds where a record ends without keeping any of it, for records too long to be parsed; with the parser's rules. */
export class RecordEndScanner implements EndScanner {
  private state: State = 'field-start';
  private ended = false;
  newlines = 0;
  hasStrayQuote = false;

  get hasOpenQuote(): boolean {
    return this.state === 'quoted';
  }

  scan(bytes: Buffer): number {
    let index = 0;
    while (index < bytes.length) {
      index = this.state === 'quoted' ? this.skipQuoted(bytes, index) : this.step(bytes, index);
      if (this.ended) return index;
    }
    return -1;
  }

  /** Jumps to the byte after the next quote; counts the lines it passes. */
  private skipQuoted(bytes: Buffer, from: number): number {
    const quote = bytes.indexOf(QUOTE, from);
    const to = quote === -1 ? bytes.length : quote;
    this.newlines += countNewlines(bytes.subarray(from, to));
    if (quote !== -1) this.state = 'quote-in-quoted';
    return to + (quote === -1 ? 0 : 1);
  }

  private step(bytes: Buffer, index: number): number {
    const byte = bytes[index];
    if (byte === NEWLINE) {
      this.newlines += 1;
      this.ended = true;
    } else if (byte === COMMA) this.state = 'field-start';
    else if (byte === QUOTE && this.state !== 'unquoted') this.state = 'quoted';
    else if (byte !== CARRIAGE_RETURN || this.state !== 'quote-in-quoted') {
      this.hasStrayQuote ||= this.state === 'quote-in-quoted';
      this.state = 'unquoted';
    }
    return index + 1;
  }
}

/** Finds the end of the physical line, whatever is on it. */
export class LineEndScanner implements EndScanner {
  readonly hasOpenQuote = false;
  readonly hasStrayQuote = false;

  constructor(public newlines = 0) {}

  scan(bytes: Buffer): number {
    const at = bytes.indexOf(NEWLINE);
    if (at === -1) return -1;
    this.newlines += 1;
    return at + 1;
  }
}

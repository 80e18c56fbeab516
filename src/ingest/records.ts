import type { RowErrorCode } from '../domain/columns/field-problem';

/** Where the record at hand stands; good during the call that hands it over. */
export interface RecordPosition {
  /** Physical line on which the record starts; the file's first is 1. */
  readonly startLine: number;
  /** False when the record surely has neither NUL nor bytes beyond ASCII. */
  readonly mayHaveOddBytes: boolean;
  /** The record's bytes without its line end. */
  rawRecord(): Buffer;
}

/** A record that can't be told into fields. */
export interface BrokenRecord {
  readonly code: RowErrorCode;
  readonly message: string;
  readonly startLine: number;
  /** The record without its line end; of a very long one only the beginning. */
  readonly bytes: Buffer;
  readonly byteLength: number;
}

/** What of some bytes has been read as whole lines. */
export interface LinesTaken {
  readonly bytes: number;
  readonly lines: number;
}

export interface RecordSink {
  /** Takes what it can of bytes that begin with a record, if it knows a faster way than by fields. */
  takeLines?(bytes: Buffer): LinesTaken;
  /** Fields are the latin1 reading of their bytes. */
  record(fields: string[], position: RecordPosition): void;
  brokenRecord(record: BrokenRecord): void;
}

export interface ReaderStart {
  readonly offset: number;
  readonly line: number;
}

export interface ReaderOptions {
  readonly maxRecordBytes: number;
  /** Offsets of records known to open a quote and never to close it in order; or any record that is too long. */
  readonly openQuotes?: OpenQuotes;
}

/** Which records too long to be kept are cut at the end of their line: those known to open a quote for nothing, or all. */
export type OpenQuotes = ReadonlySet<number> | 'any';

/**
 * A record too long to be kept opens a quote that isn't closed in order. Read again from before `offset`, with the
 * offset among `openQuotes`: the record is then cut at the end of its line.
 */
export class OpenQuoteError extends Error {
  constructor(readonly offset: number) {
    super(`The record at byte ${offset} opens a quote that is not closed in order`);
  }
}

import type { RowErrorCode } from '../domain/columns/field-problem';
import type { RowFailure } from '../domain/dataset';
import { recordText } from './field-text';

/** A refused record, on its way to the queue. */
export interface DeadLetter {
  readonly lineNumber: number;
  readonly rowNumber: number;
  readonly record: string;
  readonly recordBytes: Buffer | null;
  readonly error: string;
  readonly errorCode: RowErrorCode;
}

/** A longer record is kept by its beginning only: it can't be mended in place anyway. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;
const SHORTENED_BYTES = 64 * 1024;
const MAX_ERROR_LENGTH = 10_000;

export interface RefusedRecord {
  readonly lineNumber: number;
  readonly rowNumber: number;
  readonly bytes: Buffer;
  /** Of the whole record, when `bytes` is only its beginning. */
  readonly byteLength: number;
  readonly failures: readonly RowFailure[];
}

/** At most `length` bytes, not ending within a character. */
const cutAtCharacter = (bytes: Buffer, length: number): Buffer => {
  let end = Math.min(length, bytes.length);
  if (end < bytes.length) while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
};

const describe = (failures: readonly RowFailure[]): string =>
  failures
    .map(({ column, message }) => (column === undefined ? message : `${column} ${message}`))
    .join('; ')
    .slice(0, MAX_ERROR_LENGTH);

const codeOf = (failures: readonly RowFailure[]): RowErrorCode => {
  const codes = new Set(failures.map((failure) => failure.code));
  const [first] = codes;
  return first !== undefined && codes.size === 1 ? first : 'SEVERAL';
};

export const makeDeadLetter = (refused: RefusedRecord): DeadLetter => {
  const { bytes, byteLength, failures, lineNumber, rowNumber } = refused;
  const isWhole = byteLength <= MAX_RECORD_BYTES;
  const kept = recordText(isWhole ? bytes : cutAtCharacter(bytes, SHORTENED_BYTES));
  return {
    lineNumber,
    rowNumber,
    record: isWhole ? kept.text : `${kept.text}… (${byteLength} bytes in all)`,
    recordBytes: kept.bytes,
    error: describe(failures),
    errorCode: codeOf(failures),
  };
};

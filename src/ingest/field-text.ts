import { isUtf8 } from 'node:buffer';
import type { FieldProblem } from '../domain/columns/field-problem';

const BEYOND_ASCII = /[\u0080-\u00ff]/;

const INVALID_UTF8: FieldProblem = { code: 'INVALID_UTF8', message: 'is not valid UTF-8' };
const NUL_BYTE: FieldProblem = { code: 'NUL_BYTE', message: 'has a NUL byte' };

/** The text of a field from the latin1 reading of its bytes, or what is wrong with the bytes. */
export const decodeField = (latin1: string): string | FieldProblem => {
  if (latin1.includes('\0')) return NUL_BYTE;
  if (!BEYOND_ASCII.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : INVALID_UTF8;
};

/** A record as text can show it; `bytes` is there only when the text isn't exactly the record. */
export const recordText = (bytes: Buffer): { text: string; bytes: Buffer | null } => {
  const isExact = isUtf8(bytes) && !bytes.includes(0);
  const text = bytes.toString('utf8').replaceAll('\0', '\ufffd');
  return { text, bytes: isExact ? null : Buffer.from(bytes) };
};

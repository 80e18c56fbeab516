export const NEWLINE = 10;
export const CARRIAGE_RETURN = 13;

export const countNewlines = (bytes: Buffer): number => {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
};

/** A record's bytes without the LF or CRLF they may end with. */
export const withoutLineEnd = (bytes: Buffer): Buffer => {
  if (bytes.at(-1) !== NEWLINE) return bytes;
  return bytes.subarray(0, bytes.length - (bytes.at(-2) === CARRIAGE_RETURN ? 2 : 1));
};

/** Bytes that the blank lines at the start of `bytes` take. */
export const blankLineBytes = (bytes: Buffer): number => {
  let index = 0;
  for (;;) {
    if (bytes[index] === NEWLINE) index += 1;
    else if (bytes[index] === CARRIAGE_RETURN && bytes[index + 1] === NEWLINE) index += 2;
    else return index;
  }
};

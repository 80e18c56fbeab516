/** Why one field of a row was refused. `code` groups dead letters; `message` is for people. */
export interface FieldProblem {
  readonly code: RowErrorCode;
  readonly message: string;
}

/** The reasons a row is refused for. They are stored in `ops.dead_letter.error_code`: add, never rename. */
export type RowErrorCode =
  | 'MISSING_VALUE'
  | 'INVALID_VALUE'
  | 'FIELD_TOO_LONG'
  | 'INVALID_UTF8'
  | 'NUL_BYTE'
  | 'WRONG_FIELD_COUNT'
  | 'INVALID_QUOTING'
  | 'RECORD_TOO_LONG'
  /** Several checks failed, for different reasons; `error` names them all. */
  | 'SEVERAL';

const QUOTED_LENGTH = 60;

/** A value as an error shows it: in quotes, cut when long. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text);

/** A name that a sender chose, as a line shows it: quoted unless it is plain. */
export const shownName = (name: string): string => (/^[\w .-]{1,63}$/.test(name) ? name : quoted(name));

export const invalidValue = (text: string, expected: string): FieldProblem => ({
  code: 'INVALID_VALUE',
  message: `${quoted(text)} is not ${expected}`,
});

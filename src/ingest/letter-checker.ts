import type { Dataset } from '../domain/dataset';
import type { RowErrorCode } from '../domain/columns/field-problem';
import { bytesOf, correctedFields, fieldsOfLetter, type LetterRecord } from './letter-fields';
import { RowChecker } from './row-checker';

export interface CheckedLetter extends LetterRecord {
  readonly lineNumber: number;
  readonly rowNumber: number;
  readonly error: string;
  readonly errorCode: string;
}

export type LetterVerdict =
  | {
      readonly ok: true;
      /** In COPY's text format, as `CheckedRows.goodRow` has it. */
      readonly copyLine: string;
    }
  | { readonly ok: false; readonly error: string; readonly errorCode: string };

const NEEDS_WHOLE_CORRECTION = 'the header of its file is not known: a correction has to name all columns';

/** Checks a letter with its corrections as the row of a file is checked: the same contract, the same limits. */
export const checkLetter = (
  { dataset, maxFieldBytes }: { readonly dataset: Dataset; readonly maxFieldBytes: number },
  letter: CheckedLetter,
): LetterVerdict => {
  const known = fieldsOfLetter(dataset, letter);
  let verdict: LetterVerdict = { ok: false, error: letter.error, errorCode: letter.errorCode };
  const checker = new RowChecker(
    { dataset, header: known.header, maxFieldBytes, rowsBefore: letter.rowNumber - 1 },
    {
      goodRow: (copyLine) => (verdict = { ok: true, copyLine }),
      badRow: ({ error, errorCode }: { error: string; errorCode: RowErrorCode }) =>
        (verdict = { ok: false, error, errorCode }),
    },
  );
  const bytes = bytesOf(letter);
  const startLine = letter.lineNumber;
  const position = { startLine, mayHaveOddBytes: true, rawRecord: () => bytes };
  const fields = correctedFields(dataset, letter, known);
  if (fields) checker.record(fields, position);
  else if (known.broken) checker.brokenRecord({ ...known.broken, startLine });
  else if (letter.header === null)
    verdict = { ok: false, error: NEEDS_WHOLE_CORRECTION, errorCode: 'WRONG_FIELD_COUNT' };
  // With a contract that has grown the count may fit by chance: such a record keeps the error that it came with.
  else if (known.divided && known.divided.length !== known.header.fieldCount)
    checker.record(known.divided, position);
  return verdict;
};

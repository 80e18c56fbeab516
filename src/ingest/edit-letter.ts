import type { CommonQueryMethods } from 'slonik';
import { type Act, correctLetter } from '../db/dead-letter-actions';
import type { LetterRow } from '../db/dead-letter-queue';
import { checkCorrection, type Correction } from '../domain/correction';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { checkLetter, type LetterVerdict } from './letter-checker';
import { correctionOf, fieldsOfLetter } from './letter-fields';

/** @throws DEAD_LETTER_NOT_OPEN, DEAD_LETTER_FILE_REJECTED when a letter can't be corrected */
export const checkCorrectable = ({ id, state, isOfRejectedFile }: LetterRow): void => {
  if (state !== 'open') throw new StrataError('DEAD_LETTER_NOT_OPEN', `Dead letter ${id} is ${state}`);
  if (isOfRejectedFile)
    throw new StrataError('DEAD_LETTER_FILE_REJECTED', `The file of dead letter ${id} was rejected whole`);
};

export interface LetterEdit {
  readonly letter: LetterRow;
  readonly dataset: Dataset;
  /** The columns as somebody has written them, all or some. */
  readonly written: Correction;
  readonly act: Act;
  readonly maxFieldBytes: number;
}

export interface EditedLetter {
  readonly letter: LetterRow;
  /** Whether there was anything to correct. */
  readonly isChanged: boolean;
  /** Whether it would pass the checks now. */
  readonly verdict: LetterVerdict;
}

/**
 * Keeps what somebody has written as the letter's correction, and says what the checks make of it; the record itself
 * stays. @throws CORRECTION_INVALID, DEAD_LETTER_NOT_OPEN, DEAD_LETTER_FILE_REJECTED
 */
export const editLetter = async (
  db: CommonQueryMethods,
  { letter, dataset, written, act, maxFieldBytes }: LetterEdit,
): Promise<EditedLetter> => {
  checkCorrectable(letter);
  const known = fieldsOfLetter(dataset, letter);
  checkCorrection(written, known.columns, `dead letter ${letter.id} of ${dataset.name}`);
  const corrected = correctionOf(known, letter, written);
  if (corrected) await correctLetter(db, letter, corrected, act);
  const edited = { ...letter, corrected: corrected ?? letter.corrected };
  const verdict = checkLetter({ dataset, maxFieldBytes }, edited);
  return { letter: edited, isChanged: corrected !== undefined, verdict };
};

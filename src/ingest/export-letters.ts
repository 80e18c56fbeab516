import type { LetterRow } from '../db/dead-letter-queue';
import type { Dataset } from '../domain/dataset';
import { defuseCell } from '../domain/spreadsheet-cell';
import { correctedTexts, fieldsOfLetter } from './letter-fields';

/** What says which letter a line is, when it comes back. */
export const LETTER_ID_COLUMN = 'dead_letter_id';
/** Why the letter was refused; not read when it comes back. */
export const LETTER_ERROR_COLUMN = 'dead_letter_error';

/** Some spreadsheets also split at semicolons and tabs. */
const NEEDS_QUOTES = /[",;\t\r\n]|^\s|\s$/;

const cellText = (value: string): string => {
  const cell = defuseCell(value);
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
};

const line = (values: readonly string[]): string => `${values.map(cellText).join(',')}\r\n`;

/** The first line of an export. */
export const exportHeader = (dataset: Dataset): string =>
  line([LETTER_ID_COLUMN, ...dataset.columns.map((column) => column.name), LETTER_ERROR_COLUMN]);

/**
 * A letter as a line for people who mend in a spreadsheet: its columns with the corrections so far. No cell is a
 * formula. Bytes that are no text show as U+FFFD, and stay as they are unless the cell is changed.
 */
export const exportLine = (dataset: Dataset, letter: LetterRow): string => {
  const texts = correctedTexts(fieldsOfLetter(dataset, letter), letter);
  return line([letter.id, ...dataset.columns.map(({ name }) => texts[name] ?? ''), letter.error]);
};

import { StrataError } from './errors';

/** Texts of the columns that people have mended; what isn't named stays as in the record. */
export type Correction = Readonly<Record<string, string>>;

const invalid = (fact: string): StrataError => new StrataError('CORRECTION_INVALID', fact);

/** Whether PostgreSQL can keep the text, and UTF-8 has it. */
const problemOf = (text: string): string | undefined => {
  if (text.includes('\0')) return 'has a NUL character';
  return /\p{Surrogate}/u.test(text) ? 'has half a surrogate pair' : undefined;
};

/**
 * Checks that a correction names columns there are, with texts that can be kept. The values themselves aren't named
 * in errors. @throws CORRECTION_INVALID
 */
export const checkCorrection = (correction: Correction, columns: readonly string[], what: string): void => {
  const known = new Set(columns);
  for (const [column, text] of Object.entries(correction)) {
    if (!known.has(column))
      throw invalid(`${what} has no column ${JSON.stringify(column)}, only ${columns.join(', ')}`);
    const problem = problemOf(text);
    if (problem !== undefined) throw invalid(`Column ${column} of ${what} ${problem}`);
  }
};

/** `column=value` as it is given to `--set`; the value is everything after the first `=`. @throws CORRECTION_INVALID */
export const parseAssignment = (text: string): readonly [string, string] => {
  const at = text.indexOf('=');
  if (at < 1) throw invalid('--set takes COLUMN=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
};

/** Whether a correction says all there is to say: then the record itself no longer matters. */
export const isWhole = (correction: Correction, columns: readonly { readonly name: string }[]): boolean =>
  columns.every(({ name }) => Object.hasOwn(correction, name));

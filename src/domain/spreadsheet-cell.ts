/** With these a spreadsheet takes a cell for a formula; the wide forms are read as the narrow ones by some. */
const FORMULA_STARTS = '=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20';
/** An apostrophe in front of any of them, or of another apostrophe, is ours. */
const DANGEROUS = new RegExp(`^[${FORMULA_STARTS}']`, 'u');
const DEFUSED = new RegExp(`^'[${FORMULA_STARTS}']`, 'u');

/** A value as a cell that no spreadsheet computes: an apostrophe goes before what would be a formula. */
export const defuseCell = (value: string): string => (DANGEROUS.test(value) ? `'${value}` : value);

/** The value of a cell: takes off exactly what `defuseCell` puts on. */
export const valueOfCell = (cell: string): string => (DEFUSED.test(cell) ? cell.slice(1) : cell);

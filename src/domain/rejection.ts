import { countOf } from './count-of';

/** Below it, a share says nothing: one bad row of two is no sign of a wrong file. */
const MIN_ROWS_FOR_THRESHOLD = 100;

/** `12.5 %` */
const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

/** Why a file with so many bad rows is rejected whole, in words; undefined where it isn't. */
export const rejectionReason = (
  { rowsRead, rowsRejected }: { readonly rowsRead: number; readonly rowsRejected: number },
  threshold: number,
): string | undefined => {
  if (rowsRead < MIN_ROWS_FOR_THRESHOLD || rowsRejected <= rowsRead * threshold) return undefined;
  const share = percent(rowsRejected / rowsRead);
  return `${rowsRejected} of ${rowsRead} rows are bad (${share}), more than the ${percent(threshold)} allowed`;
};

/** Why a file that is declared complete can't be: a row that can't be read must not close its entity. */
export const incompleteReason = (rowsRejected: number): string | undefined =>
  rowsRejected === 0
    ? undefined
    : `a file with ${countOf(rowsRejected, 'bad row')} is not complete, and what they are about must not be closed`;

/** Why a complete load that would close so many is rejected whole; undefined where it isn't. */
export const closingReason = (
  { absent, alive }: { readonly absent: number; readonly alive: number },
  maxShare: number,
): string | undefined => {
  if (absent === 0 || absent / alive <= maxShare) return undefined;
  const share = percent(absent / alive);
  return `it would close ${absent} of the ${alive} that are alive (${share}), more than the ${percent(maxShare)} allowed`;
};

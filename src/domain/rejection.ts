/** Below it, a share says nothing: one bad row of two is no sign of a wrong file. */
const MIN_ROWS_FOR_THRESHOLD = 100;

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

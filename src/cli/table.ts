/** Rows as aligned columns with a header; numbers are set to the right. */
export const tableLines = (
  columns: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): string[] => {
  const text = rows.map((row) => columns.map((_, i) => String(row[i] ?? '')));
  const widths = columns.map((name, i) => Math.max(name.length, ...text.map((row) => (row[i] ?? '').length)));
  const numeric = columns.map(
    (_, i) => text.length > 0 && text.every((row) => /^-?[\d.]*$/.test(row[i] ?? '')),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [format(columns), format(widths.map((width) => '-'.repeat(width))), ...text.map(format)];
};

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';

/** A record of a CSV file as it is written there, and the header that it stands under. */
interface WrittenRecord {
  readonly header: string;
  readonly text: string;
}

// Bytes as characters, so that those which are no UTF-8 come through.
const BYTES = 'latin1';

const recordsOf = (path: string): WrittenRecord[] => {
  const [header, ...records] = parse(readFileSync(path, BYTES), {
    raw: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  }) as unknown as { raw: string }[];
  const line = (raw: string): string => raw.replace(/\r?\n$/, '');
  return records.map(({ raw }) => ({ header: line(header?.raw ?? ''), text: line(raw) }));
};

/**
 * The contents of files, taken as one, cut anew: after each record where `cutAfter` says so, and where the header
 * changes. The order of the records stays.
 */
export const cutFiles = (
  paths: readonly string[],
  cutAfter: (record: number) => boolean,
): { readonly content: Buffer; readonly records: number }[] => {
  const pieces: WrittenRecord[][] = [[]];
  for (const [i, record] of paths.flatMap(recordsOf).entries()) {
    const piece = pieces[pieces.length - 1] as WrittenRecord[];
    if (piece[0] && piece[0].header !== record.header) pieces.push([record]);
    else piece.push(record);
    if (cutAfter(i)) pieces.push([]);
  }
  return pieces
    .filter((piece) => piece.length > 0)
    .map((piece) => ({
      content: Buffer.from([piece[0]?.header, ...piece.map((r) => r.text), ''].join('\n'), BYTES),
      records: piece.length,
    }));
};

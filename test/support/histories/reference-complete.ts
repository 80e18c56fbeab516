import type { CustomerRow, Loaded } from '../reference';

type Row = Loaded<CustomerRow>;

/** By effective time, then by load order. */
const inOrder = (a: Row, b: Row): number => {
  if (a.updated_at !== b.updated_at) return a.updated_at < b.updated_at ? -1 : 1;
  return a.batchId - b.batchId || a.rowNumber - b.rowNumber;
};

const of = (id: string, rows: readonly Row[]): Row[] =>
  rows.filter((row) => row.customer_id === id).sort(inOrder);

/**
 * What a load that is declared complete says beyond its rows, in plain TypeScript: a tombstone for each customer that
 * is alive at the time and not in the file, a copy for each that is gone then and in the file. What a batch that was
 * accepted later says of that very time stands.
 */
export const rowsOfCompleteLoad = (
  visible: readonly Row[],
  own: readonly Row[],
  { asOf, batchId }: { readonly asOf: bigint; readonly batchId: number },
): Row[] => {
  const until = (rows: readonly Row[]): Row | undefined => rows.filter((r) => r.updated_at <= asOf).at(-1);
  const isOlder = (row: Row): boolean => row.updated_at < asOf || row.batchId < batchId;
  const ids = [...new Set([...visible, ...own].map((row) => row.customer_id))].sort();
  const tombstones: Row[] = [];
  const copies: Row[] = [];
  for (const id of ids) {
    const inFile = of(id, own);
    const state = until(of(id, [...visible, ...own]));
    if (!state || !isOlder(state)) continue;
    if (inFile.length === 0 && state.is_deleted !== true) tombstones.push(tombstoneOf(state, asOf));
    const last = until(inFile) ?? inFile.at(-1);
    if (last && state.is_deleted === true && last.is_deleted !== true)
      copies.push({ ...last, updated_at: asOf });
  }
  copies.sort((a, b) => a.rowNumber - b.rowNumber);
  const before = Math.max(0, ...own.map((row) => row.rowNumber));
  return [...tombstones, ...copies].map((row, i) => ({ ...row, batchId, rowNumber: before + i + 1 }));
};

const tombstoneOf = (row: Row, asOf: bigint): Row => ({
  ...row,
  name: null,
  email: null,
  segment: null,
  plan_type: null,
  acquisition_channel: null,
  // Nothing is known of it; no version comes from a tombstone.
  created_at: null as unknown as bigint,
  updated_at: asOf,
  is_deleted: true,
});
